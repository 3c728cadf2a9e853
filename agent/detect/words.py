"""The texts of which `sentence` makes a sentence about an episode.

A placeholder that ends in `_kw`, `_min` or `_at` stands for the number of that name in watts, seconds or UTC
seconds; `since` is when it began or, once it has ended, from when to when; `lines` are their names.
"""

from collections.abc import Mapping
from typing import Final

from agent.detect.channels import Cause
from agent.detect.episode import OFF_RULES, Rule
from evidence.words import Words

OFF: Final = Words(
    "{begin_at}起，生产线{lines}运行（{production_kw}千瓦）而{what}：治污功率{treatment_kw}千瓦"
    "（运行时通常{treatment_normal_kw}千瓦），{so_far}{grace}；数据完整率{percent}%{cause}。",
    "since {begin_at} {lines} ran at {production_kw} kW while {what}: {treatment_kw} kW of treatment "
    "({treatment_normal_kw} when it runs), {so_far}{grace}; {percent} % of samples present{cause}.",
)
LOW: Final = Words(
    "{begin_at}起，生产线{lines}运行（{production_kw}千瓦）而{what}：治污平均功率{treatment_low_kw}千瓦{level}，"
    "{so_far}{grace}；数据完整率{percent}%{cause}。",
    "since {begin_at} {lines} ran at {production_kw} kW while {what}: {treatment_low_kw} kW of treatment on "
    "average{level}, {so_far}{grace}; {percent} % of samples present{cause}.",
)
AT_LEAST: Final = Words(
    "，应不低于{treatment_expected_kw}千瓦（通常{treatment_normal_kw}千瓦）",
    ", expected at least {treatment_expected_kw} (normally {treatment_normal_kw})",
)
OF_NORMAL: Final = Words(
    "，为通常{treatment_normal_kw}千瓦的{share}%", ", {share} % of the usual {treatment_normal_kw}"
)
SO_FAR: Final = Words("治污不足已{deficit_for}", "lacking for {deficit_for} so far")
IN_ALL: Final = Words("至{end_at}治污不足共{deficit_for}", "lacking for {deficit_for} until {end_at}")
OF_RUNS: Final = Words("（{deficit_runs}个生产时段）", " over {deficit_runs} runs of production")
GRACE: Final = Words("，宽限期至{grace_end_at}", ", its grace ended at {grace_end_at}")
WHAT: Final[Mapping[Rule, Words]] = {
    Rule.OFF: Words("治污设施停运", "treatment was off"),
    Rule.LATE_START: Words("治污设施未开启", "treatment was not started"),
    Rule.EARLY_STOP: Words("治污设施先于生产关闭", "treatment was stopped before production"),
    Rule.IDLE: Words("治污设施空转", "treatment ran idle"),
    Rule.UNDERSPEED: Words(
        "治污设施减速运行（约相当于{speed_hz}赫兹）",
        "treatment turned too slowly (as a fan does at about {speed_hz} Hz)",
    ),
    Rule.CHANGED: Words(
        "治污功率低于学习时，但并非突然下降",
        "treatment drew less than when it was learned, without having fallen at once",
    ),
    Rule.PHASE_LOST: Words(
        "治污设施{phase}相无电流（熔断器、接触器或该相互感器），功率因此偏低",
        "phase {phase} of treatment has no current (fuse, contactor or its CT), so that power is low",
    ),
}
IDLE_OR_SLOW: Final = Words("治污设施空转或降速", "treatment ran idle or slowly")
LOW_POWER: Final = Words(
    "治污设施降负荷运行（若为风机降速，约相当于{speed_hz}赫兹）",
    "treatment ran at reduced power (if a fan on a drive, at about {speed_hz} Hz)",
)
LASTING: Final = Words("{begin_at}起", "since {begin_at}")
ENDED: Final = Words("{begin_at}至{end_at}（共{lasted}）", "from {begin_at} until {end_at} ({lasted})")
VOLTAGE_LOST: Final = Words(
    "治污电表缺一相电压（电表的熔断器或电压线），所示功率因此偏低",
    "the meter of treatment lacks a voltage (its fuse or lead), so that it shows too little power",
)
"""PHASE_LOST where all phases have their current."""
OFF_ENDED_ACTION: Final = Words(
    "企业：说明停运原因，因故障停运的补报故障。",
    "Plant: say why it stopped, and declare the fault if there was one.",
)
"""Of OFF_RULES once it is over: nobody is asked to start what runs, or what nothing needs any more."""
ACTIONS: Final[Mapping[Rule, Words]] = {
    **dict.fromkeys(
        OFF_RULES,
        Words(
            "企业：立即开启治污设施，不能开启时停产并申报故障。",
            "Plant: start treatment now; if it cannot run, stop production and declare the fault.",
        ),
    ),
    **dict.fromkeys(
        (Rule.IDLE, Rule.UNDERSPEED),
        Words(
            "企业：检查皮带、风门和变频器，恢复正常功率。",
            "Plant: check belt, damper and drive, and bring treatment back to its usual power.",
        ),
    ),
    Rule.INTERRUPTIONS: Words(
        "企业：查明反复停机的原因并说明。", "Plant: find out why treatment keeps stopping, and explain it."
    ),
    Rule.DATA_LOSS: Words("技术人员：检查电表、通信总线和供电。", "Technician: check meter, bus and supply."),
    Rule.LOW_CORRELATION: Words("企业：查看皮带、风门和管道。", "Plant: look at belts, dampers and ducts."),
    Rule.STUCK: Words(
        "技术人员：断开再接通电表电源，仍不变化则更换。",
        "Technician: power the meter off and on; replace it if it still repeats.",
    ),
    **dict.fromkeys(
        (Rule.FLAT, Rule.DUMMY),
        Words("监管：到现场核对该电表所接负荷。", "Bureau: look on site at what this meter is connected to."),
    ),
    Rule.CT_PROD: Words(
        "技术人员：检查互感器；企业：若已断开总开关或拆除设备，请申报。",
        "Technician: check the CT. Plant: declare it if the main switch is open or the machine was removed.",
    ),
    Rule.DECOUPLED: Words(
        "企业：若治污属正常延时运行，无需处理；若在生产，请申报所用设备。",
        "Plant: nothing to do if treatment just ran on; if something was produced, declare the machine.",
    ),
    Rule.REVERSED: Words(
        "技术人员：把互感器接线恢复为正向。", "Technician: turn the current transformers the right way round."
    ),
    Rule.WIRING: Words(
        "技术人员：检查该电表的电压与电流接线。",
        "Technician: check the voltage and current leads of this meter.",
    ),
    Rule.PHASE_LOST: Words(
        "企业电工：检查熔断器、接触器和该相互感器。",
        "Electrician: check fuses, contactor and the CT of this phase.",
    ),
    Rule.CHANGED: Words(
        "企业：产品、设备或滤料有变化时请说明，并申请用{learn_from_day}至{learn_until_day}的数据重新学习；"
        "未经人工确认不改变任何参数。",
        "Plant: say so if product, machine or filter changed, and ask for the parameters to be learned again "
        "from the days {learn_from_day} to {learn_until_day}; nothing changes without a person's word.",
    ),
    Rule.UNLEARNED: Words(
        "企业：若是新产品或新设备，请申请用{learn_from_day}至{learn_until_day}的数据重新学习。",
        "Plant: if this is a new product or machine, ask for the parameters to be learned again from the "
        "days {learn_from_day} to {learn_until_day}.",
    ),
    Rule.INCOMER_RESIDUAL: Words(
        "技术人员：核对各线路互感器及是否有未计量的负荷。",
        "Technician: check the CTs of all lines, and look for loads without a meter.",
    ),
}
UNTREATED: Final = Words(
    "{since}，生产线{lines}运行（{production_kw}千瓦）而治污未运行；调试期内生产不超过{untreated_kw}千瓦时也从未见治污运行："
    "是待机或预热（无需治污）吗？生产升高后照常判断。",
    "{since} {lines} ran at {production_kw} kW without treatment; at commissioning it was never seen to run "
    "for up to {untreated_kw} kW either: is this a standby or a warm-up, which needs none? More production "
    "is judged as ever.",
)
UNTREATED_ACTION: Final = Words(
    "企业：请说明此时是否应治污，应当治污的请开启；技术人员：重新学习时据此回答 standby（no 或千瓦数）。",
    "Plant: say whether this needs treatment, and start it if it does. Technician: answer standby with it "
    "when learning again (no, or its power in kW).",
)
NO_SUPPLY_ACTION: Final = Words(
    "企业：若为停电或检修，请说明。", "Plant: explain it: a power cut, or maintenance."
)
BUREAU_ACTION: Final = Words(
    "监管：核对有无故障申报，没有则到现场检查。",
    "Bureau: look for a declared fault, and on site where there is none.",
)
CT_ACTION: Final = Words(
    "电工：检查其开关和互感器。", "Electrician: check its breaker and its current transformers."
)
THIN: Final = Words(
    "企业尚未完成调试：以上按铭牌暂判。", "The plant has not been commissioned: this rests on nameplates."
)
PROVISIONAL: Final = Words("暂定：调试期未见{what}。", "Provisional: commissioning did not see {what}.")
UNSEEN: Final[Mapping[str, Words]] = {
    "production": Words("生产的停机与运行", "production both off and on"),
    "treatment": Words("治污的停机与运行", "treatment both off and on"),
    "envelope": Words("生产运行时的治污功率", "treatment under production"),
    "line": Words("该线路的停机与运行", "this line both off and on"),
    "normal": Words("正常工况", "what is normal"),
    "level": Words("治污随生产运行", "treatment that follows production"),
    "enough": Words("足够的工况", "enough to be sure"),
}
"""What a finding may rest on without having been seen; see `sentence.list_unseen`."""
CAUSES: Final[Mapping[Cause, Words]] = {
    Cause.SUPPLY: Words("；其供电电压已消失", "; its supply voltage is gone"),
    Cause.BREAKER_OR_CT: Words(
        "；电压正常而几乎没有电流：开关断开或互感器脱落、短接",
        "; voltage is there, but hardly any current: its breaker is open or a CT is off",
    ),
    Cause.BREAKER: Words(
        "；电压正常而几乎没有电流，总进线功率同步下降：开关断开",
        "; voltage is there, but hardly any current, and the incomer fell as well: its breaker is open",
    ),
    Cause.CT: Words(
        "；总进线功率并未下降：负荷可能仍在运行，互感器脱落或短接",
        "; the incomer did not fall: the load may still run behind a CT that is off",
    ),
    Cause.STOPPED: Words(
        "；电压正常且仍有待机电流：计量正常，设备被停机",
        "; voltage and standby current are there: the meter measures, the machine was stopped",
    ),
    Cause.WIRING: Words(
        "；有电流而几乎无有功功率：电压与电流接线不对应",
        "; current flows, but hardly any active power: its voltages and currents do not belong together",
    ),
    Cause.REJECTED: Words("；读数超出量程或为负，已剔除", "; its readings were out of range or negative"),
    Cause.METER: Words(
        "；其他线路仍有数据：仅该电表无应答", "; other lines answer, only this meter is silent"
    ),
    Cause.SITE: Words("；全部线路均无数据", "; no line answers at all"),
    Cause.UNKNOWN: Words("", ""),
}
DIRECTIONS: Final = (
    Words(
        "已计量线路之和偏大，互感器变比或接线可能有误",
        "the lines show more than they should, a CT ratio or a wiring may be wrong",
    ),
    Words(
        "可能有未计量的负荷在运行，或某线路互感器脱落",
        "a load may run unmetered, or a CT of a line may be off",
    ),
)
OVERRUN: Final = Words(
    "{since}，治污设施{lines}在无生产时运行，功率{treatment_kw}千瓦，已超过{overrun_limit_min}分钟："
    "是延时运行，还是有未计量的生产？",
    "{since} {lines} ran at {treatment_kw} kW without production, for more than {overrun_limit_min} min: did "
    "treatment just run on, or was something produced that is not metered?",
)
ORPHANS: Final = Words(
    "自{begin_at}起24小时内，治污设施{lines}在无生产时启停{orphan_starts}次，通常少于{orphan_limit}次："
    "是单独使用，还是有未计量的生产？",
    "within 24 h since {begin_at} {lines} started and stopped {orphan_starts} times without production, "
    "where fewer than {orphan_limit} are usual: was it used by itself, or was something produced that is not "
    "metered?",
)
MISTAKES: Final[Mapping[str, Words]] = {
    "ct_reversed": Words("有互感器装反", "a current transformer is turned round"),
    "cts_swapped": Words("两只互感器互换", "two current transformers are exchanged"),
    "cts_rotated": Words("互感器错相", "the current transformers are on the wrong phases"),
    "cts_rotated_back": Words("互感器错相", "the current transformers are on the wrong phases"),
    "voltage_lost": Words("电压线缺失", "a voltage lead is off"),
    "ct_open": Words("有互感器开路", "a current transformer is open"),
    "same_phase": Words("电流取自同一相", "all currents are of one phase"),
    "wrong_ratio": Words("互感器变比有误", "the ratio of the current transformers is wrong"),
    "other_cable": Words("互感器装在别的电缆上", "a current transformer is on another cable"),
}
"""What the wiring check names, see `provisioning.wiring`."""
WIRED: Final = Words(
    "{lines}的电表接线有误（{mistakes}），安装时已查出，尚未整改：{since}不用该电表判断任何事项。",
    "a meter of {lines} is wired wrongly ({mistakes}), as was found when it was installed, and has not been "
    "put right: nothing is judged by it {since}.",
)
REFUSED: Final = Words("（剔除{rejected}个读数）", " ({rejected} samples rejected)")
NO_SUPPLY: Final = Words(
    "{since}，{lines}只有{value_w}瓦，其电表亦无电压{elsewhere}：供电中断。此时段不对该线路作判断。",
    "{since} {lines} drew {value_w} W, and its meter shows no voltage either{elsewhere}: its supply is gone, "
    "this line is not judged for this time.",
)
ELSEWHERE: Final[Mapping[bool | None, Words]] = {
    True: Words("（其他线路有电压）", " (other lines have voltage)"),
    False: Words("（全部线路均无电压）", " (nor does any other meter)"),
    None: Words("", ""),
}
REPEATED: Final = Words(
    "{since}，{lines}的电表逐一重复{repeated_from_at}起的读数：{repeated_for_min}分钟内抽查{repeated_readings}个，"
    "按同一时间差对比全部相同，偶然相同的概率低于十亿分之一；可能在回放录制的数据。",
    "{since} the meter of {lines} showed again what it had shown from {repeated_from_at} on: "
    "{repeated_readings} readings, sampled within {repeated_for_min} min, were the same one by one, at the "
    "same distance in time, which chance does less than once in a thousand million times; a recording may be "
    "played.",
)
UNTOLD: Final = Words(
    "{since}，{lines}的电表在停产期间又有{untold_count}次没有读数，合计{untold_for}，与此前询问的相同，未逐次提示："
    "互感器脱落或短接、总开关断开或设备已拆除；其间若有生产，则无从看到。",
    "{since} the meter of {lines} showed nothing at rest again ({untold_count} ×, {untold_for} in all), as "
    "when it was asked before: a current transformer is off, the main switch is open or the machine was "
    "removed; what was produced in that time would not have been seen.",
)
ECHO: Final = Words(
    "{since}，{lines}的功率在{echo_for_min}分钟内逐一重复{echo_from_at}起的细微波动：比对{echo_readings}个读数，"
    "{echo_percent}%升降相同，无录制时约为50%；可能有负载按录制的数据运行，或在回放录制的数据。",
    "{since} the power of {lines} went up and down for {echo_for_min} min as it had from {echo_from_at} on: "
    "of {echo_readings} readings {echo_percent} % turned the same way, where about 50 % do by chance; "
    "another load may be driven by a recording, or a recording be played.",
)
ECHO_ACTION: Final = Words(
    "监管：到现场核对治污设施是否由其他负载替代，以及该电表及其通信线路。",
    "Bureau: look on site whether another load stands in the place of treatment, and at this meter and its "
    "cable.",
)
REPEATED_ACTION: Final = Words(
    "监管：到现场核对该电表及其通信线路。", "Bureau: look on site at this meter and at its cable."
)
SHOWN_ACTIONS: Final[Mapping[str, Words]] = {
    "repeated_readings": REPEATED_ACTION,
    "echo_readings": ECHO_ACTION,
    "untreated_w": UNTREATED_ACTION,
}
"""By the number that only such a finding has."""
TEMPLATES: Final[Mapping[Rule, Words]] = {
    Rule.DATA_LOSS: Words(
        "{since}，{lines}无有效数据{refused}{cause}；此时段不对治污设施作判断。",
        "{since} {lines} had no valid data{refused}{cause}; treatment is not judged for this time.",
    ),
    Rule.STUCK: Words(
        "{since}，{lines}的电表读数一直为{value_w}瓦（恒值），超过允许的{stuck_limit_min}分钟：可能已冻结。",
        "{since} the meter of {lines} showed exactly {value_w} W, longer than the {stuck_limit_min} min that "
        "it may repeat a value: it may be frozen.",
    ),
    Rule.FLAT: Words(
        "{since}，{lines}的负荷（{value_kw}千瓦）异常平稳：相邻读数平均变化{noise_percent}%，该设备从不低于"
        "{noise_floor_percent}%；可能被其他负载替代。",
        "{since} the load of {lines} ({value_kw} kW) was unnaturally steady: from sample to sample it "
        "changed by {noise_percent} %, where this machine never had less than {noise_floor_percent} %; "
        "another load may have taken its place.",
    ),
    Rule.DUMMY: Words(
        "{since}，{lines}的负荷（{value_kw}千瓦）功率因数达{pf}（该设备通常{pf_on}）："
        "像电加热器而不像电动机，可能为替代负载。",
        "{since} the load of {lines} ({value_kw} kW) had a power factor of {pf}, where this machine has "
        "{pf_on}: it looks like a heater and not like a motor, a dummy load may have taken its place.",
    ),
    Rule.INTERRUPTIONS: Words(
        "{since}，生产线{lines}运行期间，治污设施在{interruption_window_min}分钟内短时中断{interruption_count}次，"
        "累计{interrupted_for_min}分钟，达到上限{interruption_limit_min}分钟：每次都短于报警延时，合计过多。",
        "{since} treatment was interrupted {interruption_count} times while {lines} ran, "
        "{interrupted_for_min} min together within {interruption_window_min} min, which reaches the limit of "
        "{interruption_limit_min} min: each was shorter than the delay of an alarm, together they are too "
        "much.",
    ),
    Rule.INCOMER_RESIDUAL: Words(
        "{since}，总进线{lines}的功率与所有已计量线路之和相差{residual_kw}千瓦，"
        "正常为{residual_lo_kw}至{residual_hi_kw}千瓦：{direction}。",
        "{since} incomer {lines} and the sum of all metered lines differed by {residual_kw} kW, where "
        "{residual_lo_kw} to {residual_hi_kw} kW are normal: {direction}.",
    ),
    Rule.CT_PROD: Words(
        "{since}，{lines}只有{value_w}瓦，而停产时的待机功率不低于{ct_floor_w}瓦：互感器脱落或短接、"
        "总开关断开或设备已拆除{cause}。",
        "{since} {lines} drew {value_w} W, although it has at least {ct_floor_w} W of standby when it stops: "
        "a current transformer is off, the main switch is open or the machine was removed{cause}.",
    ),
    Rule.REVERSED: Words(
        "{since}，{lines}的电表功率为负（{value_kw}千瓦反向）：互感器装反；以其绝对值继续判断。",
        "{since} the meter of {lines} showed negative power ({value_kw} kW the wrong way): its current "
        "transformers are turned round; the magnitude is judged on.",
    ),
    Rule.WIRING: Words(
        "{since}，生产线{lines}运行（{production_kw}千瓦），而治污电表有电流却只有{treatment_kw}千瓦"
        "（通常{treatment_normal_kw}千瓦）：电压与电流接线不对应，或有互感器装反；治污是否运行暂不判断。",
        "{since} {lines} ran at {production_kw} kW while the meter of treatment showed its current, but only "
        "{treatment_kw} kW of active power ({treatment_normal_kw} normally): voltages and currents do not "
        "belong together, or a current transformer is turned; treatment is not judged.",
    ),
    Rule.UNLEARNED: Words(
        "{since}，生产线{lines}功率{production_kw}千瓦，高于调试所及的{range_hi_kw}千瓦："
        "是否为未学习过的产品或设备？此时只判断治污是否停运。",
        "{since} {lines} ran at {production_kw} kW, above the {range_hi_kw} kW up to which commissioning "
        "reaches: is this a product or machine that was never learned? Only treatment that is off is judged "
        "now.",
    ),
    Rule.LOW_CORRELATION: Words(
        "{since}，{lines}的负荷不再像以往那样跟随生产（相关系数{correlation}，调试期不低于{correlation_limit}）；"
        "建议查看，本身不构成违规。",
        "{since} {lines} no longer followed production as it used to (correlation {correlation}, at "
        "commissioning at least {correlation_limit}); worth a look, no violation by itself.",
    ),
}
