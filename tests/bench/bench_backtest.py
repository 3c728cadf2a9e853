"""A month of 10 s data of one linkage through `dianjian backtest`: reading, learning, testing, drawing."""

import tempfile
import time
from pathlib import Path

from agent.site.file import load_site
from provisioning.learning.backtest_page import draw_backtest_page
from provisioning.learning.backtest_run import backtest
from provisioning.loads.reader import read_loads
from provisioning.loads.settings import wanted_lines
from tests.provisioning.plant import loads_file, site_file

DAYS = 30
LIMIT_S = 20
COMMISSION_S = 72 * 3600


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        csv = loads_file(folder, ("off", "idle", "gap"), days=DAYS)
        site = load_site(site_file(folder))
        begin_s = time.process_time()
        loads = read_loads(csv, wanted_lines(site))
        read_s = time.process_time() - begin_s
        begin_s = time.process_time()
        tested = backtest(site, loads, COMMISSION_S)
        all_s = read_s + time.process_time() - begin_s
        begin_s = time.process_time()
        page = draw_backtest_page(tested, "en")
        draw_s = time.process_time() - begin_s
    rows = len(loads.times_s)
    print(f"{rows} rows read in {read_s:.2f} s of one core, {read_s / rows * 1e6:.2f} us a row")
    print(f"{DAYS} days read, learned and tested in {all_s:.1f} s of one core (limit {LIMIT_S} s)")
    print(f"drawn in {draw_s:.1f} s, {len(page) / 1e6:.1f} MB")
    assert all_s < LIMIT_S


if __name__ == "__main__":
    main()
