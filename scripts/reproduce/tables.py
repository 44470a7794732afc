"""Writes the tables of RESULTS.md, the README's table, and the expected figures in the configs' descriptions.

Nothing is ever lost: a row without a finished run stays as it is, and the program says so.
"""

import json
import re
import shlex
from functools import partial
from statistics import fmean, median, stdev

from catalogue import SEEDS, TRAININGS, VERBS
from claims import BLOCKS, CONFIGS, HIGHLIGHTS, RESTORATION, Paragraph, Time
from figures import Said, duration
from runs import write_text

OPEN, CLOSE = "<!-- results:{} -->", "<!-- /results -->"


def block_of(text, name):
    """What stands between the markers of a block, or None."""
    found = re.search(re.escape(OPEN.format(name)) + "\n(.*?)" + re.escape(CLOSE), text, re.S)
    return found and found[1]


def blocks_in(text):
    return re.findall(r"<!-- results:([\w-]+) -->\n(.*?)<!-- /results -->", text, re.S)


def cells_of(line):
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def rows_of(text, keys=1):
    """The rows of a table by their first cells."""
    lines = [line for line in (text or "").splitlines() if line.startswith("|")][2:]
    return {tuple(cells_of(line)[:keys]): line for line in lines}


def line(cells):
    return f"| {' | '.join(cells)} |"


def heads(header, right):
    return [line(header), line(["---:" if column in right else "---" for column in range(len(header))])]


class Writer:
    """Turns runs into text; `kept` are the rows without a run, by table."""

    def __init__(self, results):
        self.results, self.kept = results, {}

    def cell(self, cell):
        if isinstance(cell, Said):
            return cell.whole(self.results)
        return self.time(cell.training) if isinstance(cell, Time) else cell

    def time(self, name):
        taken = self.all(name, self.results.seconds)
        return duration(median(taken.values()))

    def all(self, name, of):
        """What `of` says of each finished run of a training, by seed."""
        training = TRAININGS[name]
        seeds = [seed for seed in self.results.seeds if self.results.finished(training, seed)]
        found = {seed: of(training, seed) for seed in seeds}
        return {seed: value for seed, value in found.items() if value is not None}

    def missing(self, row):
        """Whether a cell of the row lacks its run."""
        return any(
            cell.missing(self.results)
            if isinstance(cell, Said)
            else isinstance(cell, Time) and not self.all(cell.training, self.results.seconds)
            for cell in row.cells
        )

    def table(self, table, old):
        known = rows_of(old, table.keys)
        lines = []
        for row in table.rows:
            key = row.cells[: table.keys]
            if not self.missing(row):
                cells = [self.cell(cell) for cell in row.cells]
                for number in row.ours:
                    cells[number] += row.cells[number].number(self.results)
                lines.append(line(cells))
            else:
                self.kept.setdefault(table.name, []).append(re.sub(r"\]\(.*\)|[`\[]", "", " ".join(key)))
                lines += [known[key]] if key in known else []
        return "\n".join([*heads(table.header, table.right), *lines]) + "\n"

    def block(self, block, old):
        if isinstance(block, Paragraph):
            if block.text.missing(self.results):
                self.kept[block.name] = ["all of it"]
                return old or ""
            return block.text.means(self.results) + "\n"
        return self.table(block, old)

    def notes(self, old):
        """What is said once about all tables."""
        machines = sorted(
            {
                self.machine(environment)
                for name in TRAININGS
                for environment in self.all(name, self.results.environment).values()
            }
        )
        if not machines:
            self.kept["notes"] = ["all of it"]
            return old or ""
        seeds = [str(seed) for seed in self.results.seeds]
        seeds = f"{', '.join(seeds[:-1])} and {seeds[-1]}" if len(seeds) > 1 else seeds[0]
        return (
            f"Figures are means over trainings with the seeds {seeds}, "
            "with their standard deviation in brackets;\n"
            f"*n* gives the number of trainings where there are fewer. Measured on {'; '.join(machines)}.\n"
            "`scripts/reproduce.sh` runs everything again in about "
            f"{duration(self.results.all_of_it())}; `scripts/reproduce.sh --quick` tries that in minutes.\n"
        )

    @staticmethod
    def machine(environment):
        return f"{environment['cpu']}, {environment['threads']} threads"

    # The last two tables, with every seed

    def every_figure(self, old):
        header = (
            "row",
            "figure",
            "mean",
            *(f"seed {seed}" for seed in SEEDS),
            "baseline",
            "published, and where",
        )
        known, lines = rows_of(old, 2), []
        for table in BLOCKS:
            for row in () if isinstance(table, Paragraph) else table.rows:
                for number, figure in enumerate(row.figures()):
                    key = (f"{table.name}: {row.cells[0]}", f"{figure.training}, {figure.place}")
                    values = figure.all(self.results)
                    if self.missing(row) or not values:
                        lines += [known[key]] if key in known else []
                        continue
                    digits = fine(figure.form)
                    one = lambda value: f"{value:{digits}}{figure.unit}"
                    mean = one(fmean(values.values())) + (
                        f" ({stdev(values.values()):{digits}})" if len(values) > 1 else ""
                    )
                    baseline = self.cell(row.cells[row.baseline]) if row.baseline is not None else "-"
                    published = (
                        f"{row.published.text}: {row.published.source}"
                        if row.published and number == 0
                        else "-"
                    )
                    seeds = [one(values[seed]) if seed in values else "-" for seed in SEEDS]
                    lines.append(line([*key, mean, *seeds, baseline, published]))
        return "\n".join([*heads(header, range(2, 3 + len(SEEDS))), *lines]) + "\n"

    def every_run(self, old):
        header = ("run", "command", "seeds", "epochs", "time", "machine", "program", "last begun")
        known, lines = rows_of(old), []
        for name, training in TRAININGS.items():
            environments = self.all(name, self.results.environment)
            if not environments:
                lines += [text for key, text in known.items() if key[0].split(", ")[0] == name]
                continue
            command = shlex.join(["hourglass", *training.words()])
            about = sorted({self.machine(it) for it in environments.values()})
            commits = sorted(
                {f"{it['version']} ({it['commit'] or 'no commit'})" for it in environments.values()}
            )
            epochs = sorted({str(it) for it in self.all(name, self.results.epochs).values()})
            begun = max(it["started"] for it in environments.values())[:10]
            end = [", ".join(about), ", ".join(commits), begun]
            lines.append(
                line(
                    [
                        name,
                        f"`{command} --set seed=S`",
                        ", ".join(map(str, environments)),
                        ", ".join(epochs),
                        self.time(name),
                        *end,
                    ]
                )
            )
            for verb in training.verbs:
                seeds = [seed for seed in environments if self.results.read(name, verb, seed)]
                if not seeds:
                    lines += [known[(f"{name}, {verb}",)]] if (f"{name}, {verb}",) in known else []
                    continue
                taken = [
                    self.results.times().get(self.results.path(training, seed).name, {}).get(verb)
                    for seed in seeds
                ]
                taken = [seconds for seconds in taken if seconds]
                words = shlex.join(VERBS[verb].words())
                lines.append(
                    line(
                        [
                            f"{name}, {verb}",
                            f"`hourglass {words}`",
                            ", ".join(map(str, seeds)),
                            "-",
                            duration(median(taken)) if taken else "-",
                            *end,
                        ]
                    )
                )
        return "\n".join([*heads(header, (3, 4)), *lines]) + "\n"

    # Descriptions

    def description(self, row, old):
        """A config's description with the figures of its row; unchanged without a run."""
        if self.missing(row):
            return old
        ours = [figure.mean(self.results) for figure in row.figures()]
        baseline = [figure.mean(self.results) for figure in row.cells[row.baseline].figures]
        name = row.cells[-1].training
        threads = max(it["threads"] for it in self.all(name, self.results.environment).values())
        text = row.expect.format(ours=Several(ours), baseline=Several(baseline))
        before = re.split(r"(?<=[Ee]xpect) ", old)[0]
        return f"{before} {text}; about {self.time(name)} on {threads} CPU cores."


class Several(list):
    """One or more texts: `{ours}` is the first of them."""

    def __format__(self, _):
        return self[0]


def fine(form):
    """A form with a digit more."""
    return re.sub(r"\.(\d)f", lambda found: f".{int(found[1]) + 1}f", form)


def described():
    """The rows whose figures a config's description gives, by the config's name."""
    return {
        row.cells[-1].training: row for table in (CONFIGS, RESTORATION) for row in table.rows if row.expect
    }


def highlights(results):
    """The README's table, from the text of RESULTS.md: for each task figures, baseline and source."""
    rows = []
    for task, how, table, key in HIGHLIGHTS:
        known = rows_of(block_of(results, table.name), table.keys)
        if (key,) not in known:
            raise SystemExit(f"error: RESULTS.md: {table.name}: has no row {key}")
        cells = cells_of(known[(key,)])
        published = cells[table.header.index("published")] if "published" in table.header else "-"
        rows.append(line([task, how, *cells[3:5], published]))
    return "\n".join([*heads(("task", "how", "measured", "baseline", "published"), ()), *rows]) + "\n"


def write(results, root):
    """Writes the tables below `root`; the rows that were kept because their runs are missing, by table."""
    writer = Writer(results)
    file = root / "RESULTS.md"
    text = file.read_text()
    parts = {"notes": writer.notes}
    parts |= {block.name: partial(writer.block, block) for block in BLOCKS}
    parts |= {"figures": writer.every_figure, "runs": writer.every_run}
    for name, part in parts.items():
        text = put_block(text, name, part(block_of(text, name)), file.name)
    write_text(file, text)
    readme = root / "README.md"
    write_text(readme, put_block(readme.read_text(), "highlights", highlights(text), readme.name))
    for name, row in described().items():
        config = root / f"configs/{name}.json"
        before = config.read_text()
        old = json.loads(before)["description"]
        new = writer.description(row, old)
        write_text(
            config,
            before.replace(json.dumps(old, ensure_ascii=False), json.dumps(new, ensure_ascii=False), 1),
        )
    return writer.kept


def put_block(text, name, part, file):
    begin, end = OPEN.format(name) + "\n", CLOSE
    if begin not in text:
        raise SystemExit(f"error: {file}: has no {begin.strip()}")
    before, rest = text.split(begin, 1)
    return before + begin + part + end + rest.split(end, 1)[1]
