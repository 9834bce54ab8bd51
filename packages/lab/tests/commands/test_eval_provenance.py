from __future__ import annotations

from safelight_lab.commands.eval_provenance import format_provenance_report


def test_the_text_names_each_attack_and_kind_with_its_interval() -> None:
    row = {"n": 4, "recovered_blind": 0.75, "interval": [0.5, 1.0]}
    row |= {"recovered_registry": 1.0, "interval_registry": [1.0, 1.0]}
    text = format_provenance_report(
        {
            "clips": 4,
            "sources": 3,
            "keys": 1,
            "attacks": [{"attack": "crop-50", **row}],
            "kinds": [{"kind": "camera", **row}],
            "quality": {
                "psnr_db": {"mean": 42.7, "least": 42.6},
                "ssim": {"mean": 0.99, "least": 0.98},
                "visibility": {"mean": 15.1, "most": 20.2},
                "flicker": {"mean": 3.1, "most": 9.9},
            },
            "unmarked": {"searches": 4, "accepts": 0, "accepts_registry": 0, "wrong_ids": 0},
            "seconds": {
                "mark_per_frame": 0.005,
                "search_p50": 0.2,
                "search_p95": 2.8,
                "search_unmarked_most": 3.6,
            },
        }
    )
    assert "crop-50: read back 75.0 % of 4 (50.0-100.0 %); with the registry 100.0 % (100.0-100.0 %)" in text
    assert "camera: read back 75.0 % of 4 (50.0-100.0 %)" in text
    assert "mark 15.1 (most 20.2), change between frames 3.1 (most 9.9)" in text
    assert "4 searched, 0 read as marked, 0 with the registry" in text
