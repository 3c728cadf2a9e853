"""The texts about files of loads: why one is not read, what was assumed or left out."""

from collections.abc import Mapping
from typing import Final

from evidence.words import Words

PROBLEMS: Final[Mapping[str, Words]] = {
    "no table": Words(
        "{path}：不是 CSV 也不是 .xlsx。请在 Excel 中打开，文件 → 另存为 → 保存类型选“CSV "
        "UTF-8（逗号分隔）(*.csv)”，再用该文件",
        "{path}: is neither a CSV file nor an .xlsx workbook; open it in Excel, File > Save As > type "
        "'CSV UTF-8 (Comma delimited) (*.csv)', and take that file",
    ),
    "encoding": Words(
        "{path}：第 {line} 行既不是 UTF-8、UTF-16 也不是 GBK。请在 Excel 中另存为“CSV "
        "UTF-8（逗号分隔）(*.csv)”",
        "{path}: line {line} is neither UTF-8, UTF-16 nor GBK; save it in Excel as 'CSV UTF-8 (Comma "
        "delimited) (*.csv)'",
    ),
    "empty": Words("{path}：没有数据行", "{path}: has no rows"),
    "no sheet": Words(
        "{path}：没有工作表 {sheet!r}；有：{known}", "{path}: has no sheet {sheet!r}; it has: {known}"
    ),
    "which sheet": Words("{path}：有几个工作表有数据", "{path}: several sheets have data"),
    "no times": Words(
        "{path}：没有找到时间列；前几行没有像 2026-03-02 08:00:00 这样的时间（第一行：{line}）",
        "{path}: no column holds times like 2026-03-02 08:00:00 below a line of names; it begins: {line}",
    ),
    "no names": Words(
        "{path}：第 1 行就是数据，没有列名；请在前面加一行列名：time,{lines}",
        "{path}: line 1 is data already, without names of the columns; put a line before it: time,{lines}",
    ),
    "two-digit year": Words(
        "{path}：第 {line} 行：{text!r} 的年份只有两位；请在 Excel 中把该列格式设为 yyyy-mm-dd hh:mm:ss "
        "后再导出",
        "{path}: line {line}: {text!r} has a year of two digits; in Excel, format the column as yyyy-mm-dd "
        "hh:mm:ss "
        "and export it again",
    ),
    "which date": Words(
        "{path}：第 {line} 行：{text!r} 先日还是先月，整个文件都看不出来",
        "{path}: line {line}: {text!r} may have the day or the month first, and nothing in the file says "
        "which",
    ),
    "both dates": Words(
        "{path}：第 {line} 行的 {text!r} 先日后月，第 {other_line} 行的 {other!r} 先月后日；"
        "请统一日期格式后再导出",
        "{path}: line {line} has the day first ({text!r}), line {other_line} the month ({other!r}); export "
        "it with "
        "one form of dates",
    ),
    "day first": Words("先日后月", "the day first"),
    "month first": Words("先月后日", "the month first"),
    "which decimal": Words(
        "{path}：{text!r} 中的 {sign} 是小数点还是千位分隔，整个文件都看不出来",
        "{path}: the {sign} in {text!r} may be a decimal sign or separate thousands, and nothing in the "
        "file says which",
    ),
    "decimal point": Words("小数点是 .", "decimal point"),
    "decimal comma": Words("小数点是 ,", "decimal comma"),
    "both decimals": Words(
        "{path}：数字的写法不一致：{why}；请统一后再导出",
        "{path}: numbers are written in two ways: {why}; export it with one",
    ),
    "which column": Words("{path}：线路 {line} 是哪一列", "{path}: which column is line {line}?"),
    "no column": Words(
        "{path}：没有线路 {line} 的列；有：{known}；请加 --column {line}=列名",
        "{path}: no column for line {line}; columns: {known}; add --column {line}=NAME",
    ),
    "unknown column": Words(
        "{path}：--column {line}={name}：没有这一列；有：{known}",
        "{path}: --column {line}={name}: no such column; columns: {known}",
    ),
    "unknown line": Words(
        "{option}：站点没有线路 {line!r}；有：{known}",
        "{option}: the site has no line {line!r}; lines: {known}",
    ),
    "twice": Words(
        "{path}：列 {name!r} 出现两次；请改名", "{path}: two columns are called {name!r}; rename one"
    ),
    "which unit": Words(
        "{path}：线路 {line} 的列 {name!r} 最大 {peak:g}，铭牌 {rated_kw:g} 千瓦，看不出单位",
        "{path}: line {line}: column {name!r} goes up to {peak:g}, its nameplate says {rated_kw:g} kW: the "
        "unit is not clear",
    ),
    "absurd": Words(
        "{path}：线路 {line} 的列 {name!r} 最大 {peak:g} {unit}，是铭牌 {rated_kw:g} 千瓦的 {times:.0f} 倍；"
        "请加 --unit {line}=单位，或改正站点文件的 rated_w",
        "{path}: line {line}: column {name!r} goes up to {peak:g} {unit}, {times:.0f} times its nameplate of "
        "{rated_kw:g} kW; add --unit {line}=UNIT, or correct rated_w in the site file",
    ),
    "wrong quantity": Words(
        "{path}：--unit {line}={unit}：须为 {known} 之一",
        "{path}: --unit {line}={unit}: must be one of {known}",
    ),
    "cells": Words(
        "{path}：第 {line} 行有 {count} 个单元格，表头有 {columns} 列；若数字用逗号作小数点或千位分隔，"
        "请用分号或制表符分隔再导出",
        "{path}: line {line}: {count} cells, but {columns} columns; if its numbers hold commas, export it "
        "with semicolons "
        "or tabs",
    ),
    "few cells": Words(
        "{path}：第 {line} 行起有 {count} 行的单元格少于表头的 {columns} 列；请重新导出",
        "{path}: from line {line} on, {count} rows have fewer cells than the {columns} columns; export it "
        "again",
    ),
    "number": Words(
        "{path}：第 {line} 行第 {column} 列（{name}）：{text!r} 不是数字",
        "{path}: line {line}, column {column} ({name}): {text!r} is no number",
    ),
    "time": Words(
        "{path}：第 {line} 行第 {column} 列（{name}）：{text!r} 不是这样的时间：{form}；{count} 行如此",
        "{path}: line {line}, column {column} ({name}): {text!r} is no time like {form}; {count} rows are so",
    ),
    "disorder": Words(
        "{path}：第 {line} 行起时间倒退，且次数太多；请在 Excel 中按时间列升序排序后再导出",
        "{path}: from line {line} on times go back too often; sort the table by its time in Excel and "
        "export it again",
    ),
    "too long": Words(
        "{path}：多于 {rows} 行；请分成几个文件", "{path}: more than {rows} rows; split it into several files"
    ),
    "no number": Words(
        "{path}：线路 {line} 的列 {name!r} 没有一个数字",
        "{path}: line {line}: column {name!r} holds no number",
    ),
    "no step": Words(
        "{path}：只有一行，看不出每行代表多长时间，因此电量换算不成功率",
        "{path}: one row alone does not say how long its energy took",
    ),
    "constant energy": Words(
        "{path}：线路 {line} 的列 {name!r} 一直是 {value:g}：看不出是每段电量还是电表示数；请导出功率",
        "{path}: line {line}: column {name!r} is always {value:g}: energy of each interval, or a counter at "
        "rest? Export "
        "the power instead",
    ),
    "zone": Words(
        "--zone {zone}：须如 +08:00，或本机知道的名称，如 Europe/Berlin",
        "--zone {zone}: must be like +08:00, or a name that this machine knows, like Europe/Berlin",
    ),
}

NOTES: Final[Mapping[str, Words]] = {
    "text": Words("编码 {encoding}，分隔符 {separator}", "{encoding} text, separated by {separator}"),
    "book": Words("工作表 {sheet}", "sheet {sheet}"),
    "decimal comma": Words("小数点是逗号", "decimal comma"),
    "three places": Words(
        "{text} 中的 . 是小数点（每个数都有三位小数）",
        "the point in {text} is a decimal point: every number has three places",
    ),
    "head": Words(
        "列名在第 {line} 行；之前的 {count} 行不读",
        "the columns are named in line {line}; {count} lines before it are skipped",
    ),
    "form": Words("时间：{form}", "times: {form}"),
    "dates": Words("日期{order}（{why}）", "dates have {order} ({why})"),
    "dates seen": Words("{text} 只有这一种读法", "{text} has only this reading"),
    "dates run": Words("否则相邻日期相隔数周", "else each day is weeks from the next"),
    "zone": Words(
        "时间没有时区，按站点的 {zone} 读（或加 --zone）",
        "times have no zone: read as the site's {zone} (or add --zone)",
    ),
    "column": Words("列 {name!r} 作为线路 {line}：{why}", "column {name!r} is taken for line {line}: {why}"),
    "only column": Words("文件中唯一的功率或电量列", "the only column of power or energy"),
    "left column": Words("剩下的唯一一列和唯一一条线路", "the only column and the only line that are left"),
    "kind column": Words("名称像{kind}线路", "its name is one of a {kind} line"),
    "absent": Words(
        "文件中没有线路 {line} 的列：对它一无所知，不评价它的治理",
        "the file has no column for line {line}: nothing is known of it, and treatment is not judged by it",
    ),
    "unit": Words(
        "列 {name!r}（线路 {line}）按 {unit} 读：最大 {peak:g}，铭牌 {rated_kw:g} 千瓦",
        "column {name!r} (line {line}) is read in {unit}: it goes up to {peak:g}, the nameplate says "
        "{rated_kw:g} kW",
    ),
    "energy": Words(
        "列 {name!r}（线路 {line}）是每 {minutes:g} 分钟的电量，换算成该段的平均功率",
        "column {name!r} (line {line}) is the energy of every {minutes:g} min, turned into the mean power "
        "of that time",
    ),
    "counter": Words(
        "列 {name!r}（线路 {line}）是只增不减的电能示数，由相邻示数之差得出平均功率",
        "column {name!r} (line {line}) is a counter of energy: mean power from each rise",
    ),
    "percent": Words("列 {name!r} 是百分数", "column {name!r} is in percent"),
    "ignored": Words("未使用的列：{names}", "columns not used: {names}"),
    "reversed": Words("最新的行在前，已倒转", "the newest row is first: turned round"),
    "midnight": Words(
        "{count} 个零点写着它所结束的那一天，移到次日 00:00",
        "{count} midnights carry the date of the day that they end: moved to the next day's 00:00",
    ),
    "sentinel": Words(
        "列 {name!r} 的 {value:g}（{count} 个，唯一的负值）当作缺失",
        "column {name!r}: {value:g} ({count} cells, its only negative value) is taken for missing",
    ),
    "words": Words("当作缺失的单元格：{words}", "cells taken for missing: {words}"),
    "marks": Words("缺失标记：{words}", "marks for missing values: {words}"),
    "doubled": Words(
        "{count} 行与后一行时间相同，取最后一行",
        "{count} rows have the time of a later row: the last one counts",
    ),
    "minutes": Words(
        "时间只到分钟，每分钟 {count} 行，取每分钟最后一行",
        "times have no seconds, {count} rows share a minute: the last one of each counts",
    ),
    "back": Words(
        "第 {line} 行时钟倒退了 {minutes:.3g} 分钟：省去 {count} 行（若是夏令时结束，请加 --zone 地名）",
        "the clock goes back by {minutes:.3g} min in line {line}: {count} rows left out (if summer time "
        "ends there, add "
        "--zone NAME)",
    ),
    "totals": Words(
        "{count} 行合计或平均（首行第 {line} 行）", "{count} rows of totals or means (first: line {line})"
    ),
    "no time": Words(
        "{count} 行没有时间（首行第 {line} 行）", "{count} rows without a time (first: line {line})"
    ),
    "bad time": Words(
        "{count} 行的时间读不出（首行第 {line} 行：{text!r}）",
        "{count} rows whose time is not read (first: line {line}: {text!r})",
    ),
    "short": Words(
        "{count} 行单元格不全（首行第 {line} 行）", "{count} rows with too few cells (first: line {line})"
    ),
    "cut": Words("最后一行（第 {line} 行）没有写完", "the last line ({line}) has no end"),
    "repeated head": Words("{count} 行重复的列名", "{count} repeated lines of column names"),
    "comments": Words("{count} 行注释", "{count} lines of comments"),
    "thinned": Words(
        "每 {step:g} 秒一行：每 {slot} 秒取最新值，与网关相同",
        "a row every {step:g} s: the latest value of every {slot} s counts, as on a gateway",
    ),
    "idle unit": Words(
        "线路 {line} 最大只有铭牌的 {share:.2g}%：若单位不是 {unit}，请加 --unit {line}=单位",
        "line {line} never exceeds {share:.2g} % of its nameplate: if it is not in {unit}, add --unit "
        "{line}=UNIT",
    ),
    "mean": Words(
        "每个值代表其时间之{side} {minutes:g} 分钟",
        "each value stands for the {minutes:g} min {side} its time",
    ),
    "before": Words("前", "before"),
    "after": Words("后", "after"),
    "coarse": Words(
        "{minutes:g} 分钟数据只能看出水平：治理比生产晚多少、短于 {twice:g} 分钟的停机、启停次序、"
        "读数是否停滞、波动是否真实，都看不出",
        "data of every {minutes:g} min show levels only: not the lag of treatment behind production, no "
        "stop shorter than "
        "{twice:g} min, no order of starts, no stuck reading, no false load",
    ),
    "coarse learned": Words(
        "由此学到的参数不写入站点文件：请用每分钟至少一行的记录，或 --chain",
        "parameters learned from it are not written into a site file: take a record with a row a minute, or "
        "--chain",
    ),
}
