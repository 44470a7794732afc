"""Checks of the tables' makers that need no training: python3 -B scripts/reproduce/tests.py"""

import json
import math
import re
import tempfile
import unittest
from pathlib import Path

import baselines
import check
import tables
from catalogue import TRAININGS, VERBS
from claims import BLOCKS, CONFIGS, Paragraph
from figures import duration, find, mse, said, spread_of
from runs import ROOT, put


class Fake:
    """Results of `conv` alone, at the seeds that are given."""

    quick = False

    def __init__(self, errors):
        self.seeds, self.errors = (42, 1, 2), errors

    def read(self, name, source, seed):
        error = self.errors.get(seed)
        return (
            None
            if name != "conv" or source != "summary" or error is None
            else {"test": {"mse": error}, "baselines": {"pca": {"mse": 0.0168}}, "epochs": 20}
        )

    def finished(self, training, seed):
        return training.name == "conv" and seed in self.errors

    def seconds(self, training, seed):
        return 57.4

    def epochs(self, training, seed):
        return 20

    def environment(self, training, seed):
        return {
            "cpu": "a processor",
            "threads": 2,
            "version": "1",
            "commit": "abc",
            "started": "2026-01-02T03:04:05Z",
            "quick": False,
        }

    def all_of_it(self):
        return 3600 * 5

    def times(self):
        return {}


class Tests(unittest.TestCase):
    def test_a_path_leads_through_lists_by_what_their_elements_have(self):
        value = {
            "points": [
                {"settings": {"model.code_size": 8}, "test": {"mse": 1}},
                {"bits": 5, "test": {"mse": 2}},
            ]
        }
        self.assertEqual(find(value, "points[model.code_size=8].test.mse"), 1)
        self.assertEqual(find(value, "points[bits=5].test.mse"), 2)

    def test_a_spread_shows_a_digit_at_least(self):
        self.assertEqual(spread_of([0.0043, 0.0045], ".4f"), "0.0001")
        self.assertEqual(spread_of([0.00436, 0.00438], ".4f"), "0.00001")
        self.assertEqual(spread_of([0.5, 0.5], ".4f"), "")

    def test_a_cell_says_how_many_seeds_it_lacks(self):
        cell = said("mse {}", mse("conv"))
        three, one = Fake({42: 0.0043, 1: 0.0044, 2: 0.0045}), Fake({42: 0.0043})
        self.assertEqual(cell.whole(three) + cell.number(three), "mse 0.0044 (0.0001)")
        self.assertEqual(cell.whole(one) + cell.number(one), "mse 0.0043 (n=1)")
        self.assertTrue(cell.missing(Fake({})))

    def test_times_have_two_digits(self):
        self.assertEqual(
            [duration(it) for it in (56.7, 100, 595, 3600, 18000)],
            ["57 s", "2 min", "10 min", "60 min", "5.0 h"],
        )

    def test_a_row_without_runs_stays_and_one_with_runs_is_new(self):
        with tempfile.TemporaryDirectory() as name:
            root = copy(Path(name))
            before = texts(root)
            kept = tables.write(Fake({42: 0.1, 1: 0.2}), root)
            after = texts(root)
            [row] = changed(*(tables.block_of(text["RESULTS.md"], "configs") for text in (before, after)))
            self.assertIn("mse 0.1500 (0.0707) (n=2)", row)
            self.assertIn("| 57 s |", row)
            [row] = changed(before["README.md"], after["README.md"])
            self.assertIn("| mse 0.1500 (0.0707) (n=2) | PCA 0.0168 |", row)
            self.assertEqual(len(kept["configs"]), len(CONFIGS.rows) - 1)
            for file in before:
                self.assertEqual(len(before[file].splitlines()), len(after[file].splitlines()))
            description = json.loads((root / "configs/conv.json").read_text())["description"]
            self.assertTrue(
                description.endswith(
                    "Expect test mse 0.1500, where PCA with the same code size has 0.0168; "
                    "about 57 s on 2 CPU cores."
                )
            )
            self.assertEqual(check.faults(root), [])
            # What was found once is kept where its runs are gone, and writing again changes nothing.
            tables.write(Fake({}), root)
            self.assertEqual(texts(root), after)

    def test_what_disagrees_is_found(self):
        with tempfile.TemporaryDirectory() as name:
            root = copy(Path(name))
            tables.write(Fake({42: 0.1}), root)
            file = root / "configs/conv.json"
            file.write_text(file.read_text().replace("0.1000", "0.2000"))
            readme = root / "README.md"
            readme.write_text(readme.read_text().replace("mse 0.1000", "mse 0.1001"))
            results = root / "RESULTS.md"
            results.write_text(results.read_text().replace("<!-- results:choices -->", ""))
            self.assertEqual(
                check.faults(root),
                [
                    "README.md: its table is not made of the rows of RESULTS.md",
                    "RESULTS.md: has no block choices",
                    "conv.json: its description has no 0.1000",
                ],
            )

    def test_a_table_without_its_place_is_an_error(self):
        with tempfile.TemporaryDirectory() as name:
            root = copy(Path(name))
            for file in ("RESULTS.md", "README.md"):
                whole = (root / file).read_text()
                (root / file).write_text(re.sub("<!-- results:(choices|highlights) -->", "", whole))
                with self.assertRaisesRegex(SystemExit, f"^error: {file}: has no <!-- results:"):
                    tables.write(Fake({42: 0.1}), root)
                (root / file).write_text(whole)

    def test_a_setting_is_json_or_a_word(self):
        config = {"model": {"kind": "denoising", "corruption": "gaussian"}, "data": {"augment": {}}}
        for setting in ("model.corruption.std=0.5", "data.augment=null", "model.kind=dense"):
            put(config, setting)
        self.assertEqual(
            config,
            {
                "model": {"kind": "dense", "corruption": {"kind": "gaussian", "std": 0.5}},
                "data": {"augment": None},
            },
        )

    def test_everything_that_a_table_names_is_run(self):
        rows = [row for block in BLOCKS if not isinstance(block, Paragraph) for row in block.rows]
        cells = [cell for row in rows for cell in row.cells if hasattr(cell, "figures")]
        named = {(figure.training, figure.source) for cell in cells for figure in cell.figures}
        for training, source in named:
            found = TRAININGS[training]
            own = {"train": "summary"}.get(found.kind, found.kind)
            self.assertIn(source, (own, *found.verbs), training)
        measured = {(name, verb) for name, found in TRAININGS.items() for verb in found.verbs}
        self.assertLessEqual(measured, named, "nothing is measured that no table has")
        self.assertEqual({training for training, _ in named}, set(TRAININGS))
        self.assertLessEqual({verb for _, verb in measured}, set(VERBS))

    def test_a_psnr_is_the_programs(self):
        self.assertAlmostEqual(baselines.psnr(0.01), 20)
        self.assertAlmostEqual(baselines.psnr((25 / 255) ** 2), 20 * math.log10(255 / 25))
        self.assertEqual(baselines.psnr(0), 100)

    def test_every_tile_that_fits_has_one_hole_at_any_place_inside(self):
        self.assertEqual(baselines.holes(63, 200, 1), [])
        tops, lefts = set(), set()
        for seed in range(400):
            found = baselines.holes(130, 200, seed)
            tiles = [(top // 64, left // 64) for top, left in found]
            self.assertEqual(tiles, [(row, column) for row in range(2) for column in range(3)])
            tops.update(top % 64 for top, _ in found)
            lefts.update(left % 64 for _, left in found)
        self.assertEqual((tops, lefts), (set(range(49)), set(range(49))))
        self.assertEqual(baselines.holes(130, 200, 7), baselines.holes(130, 200, 7))
        self.assertNotEqual(baselines.holes(130, 200, 7), baselines.holes(130, 200, 8))

    def test_what_is_not_installed_is_named(self):
        pinned = baselines.required()
        used = {package for _, filters, _ in baselines.TESTS.values() for _, package in filters.values()}
        self.assertLessEqual(used, set(pinned))
        self.assertTrue(all(re.fullmatch(r"[\d.]+", it) for it in pinned.values()))
        self.assertEqual(baselines.missing(["no-such-package-anywhere"]), ["no-such-package-anywhere"])


def texts(root):
    return {name: (root / name).read_text() for name in ("README.md", "RESULTS.md")}


def changed(before, after):
    """The rows of tables that are new."""
    old = before.splitlines()
    return [line for line in after.splitlines() if line not in old and line.startswith("| ")]


def copy(root):
    (root / "configs").mkdir()
    for file in [*ROOT.glob("configs/*.json"), ROOT / "README.md", ROOT / "RESULTS.md"]:
        if file.exists():
            (root / file.relative_to(ROOT)).write_text(file.read_text())
    return root


if __name__ == "__main__":
    unittest.main()
