"""Tables of the demo: a live table on a terminal, one line every few seconds elsewhere, and the summary."""

import math
from collections.abc import Mapping

from rich.table import Table

from davy.domain.camera import CameraAddress
from davy_demo.accounting import CameraAccount
from davy_demo.observer import CameraView, Views


def live_table(views: Views, accounts: Mapping[CameraAddress, CameraAccount], now: float) -> Table:
    """Build the live table: present fps; ages, PSNR and drops since the start."""
    return _table("Davy", [(camera, view, view.fps(now)) for camera, view in views.items()], accounts)


def summary_table(views: Views, accounts: Mapping[CameraAddress, CameraAccount]) -> Table:
    """Build the summary: all figures since the start."""
    return _table("Summary", [(camera, view, view.mean_fps()) for camera, view in views.items()], accounts)


def one_line(views: Views, now: float) -> str:
    """Format all cameras in one line, for a log."""
    return "   ".join(
        f"{camera.camera} {view.fps(now):.1f} fps {view.age_ms(99):.0f} ms {psnr_text(view)}" for camera, view in views.items()
    )


def as_json(views: Views, accounts: Mapping[CameraAddress, CameraAccount]) -> dict[str, dict[str, object]]:
    """Return the summary by "edge/camera" for JSON; ages are None for cameras without frames."""
    return {
        f"{camera.edge}/{camera.camera}": _figures(view, accounts.get(camera, CameraAccount()))
        for camera, view in views.items()
    }


def psnr_text(view: CameraView) -> str:
    """Format "raw -> enhanced (+gain)" in dB, means over all samples."""
    if not view.enhanced_psnr_db:
        return "-"
    raw, enhanced = mean(view.raw_psnr_db), mean(view.enhanced_psnr_db)
    return f"{raw:.1f} -> {enhanced:.1f} ({enhanced - raw:+.1f})"


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _figures(view: CameraView, account: CameraAccount) -> dict[str, object]:
    return {
        "received": view.received,
        "fps": round(view.mean_fps(), 3),
        "age_ms_p50": round(view.age_ms(50), 1) if view.ages_s else None,
        "age_ms_p99": round(view.age_ms(99), 1) if view.ages_s else None,
        "captured": account.captured,
        "enhanced": account.enhanced,
        "dropped": {cause: count for cause, count in account.dropped.items() if count},
        "unexplained": account.unexplained,
    }


def _table(
    title: str, rows: list[tuple[CameraAddress, CameraView, float]], accounts: Mapping[CameraAddress, CameraAccount]
) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("camera", no_wrap=True)
    for heading in ("fps", "age ms\np50", "age ms\np99", "PSNR dB\nraw -> enhanced"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("frames\ncaptured", "dropped", "un-\nexplained"):
        table.add_column(heading, justify="right")
    for camera, view, fps in rows:
        account = accounts.get(camera, CameraAccount())
        causes = ", ".join(f"{count} {cause}" for cause, count in account.dropped.most_common() if count) or "0"
        table.add_row(
            f"{camera.edge}/{camera.camera}",
            f"{fps:.1f}",
            f"{view.age_ms(50):.0f}",
            f"{view.age_ms(99):.0f}",
            psnr_text(view),
            str(account.captured),
            causes,
            str(account.unexplained),
        )
    return table
