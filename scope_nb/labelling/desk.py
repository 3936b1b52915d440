"""The labelling desk: widgets in a notebook to look at one star after the other and vote, by mouse or keyboard."""

import html
import io
from functools import partial

import ipywidgets as widgets
import matplotlib.pyplot as plt

from ..taxonomy import ancestors, resolve_tag, tags
from .structure import implied_tags
from .votes import UNDO, UNSURE, VOTE, append_vote, begin_votes, read_votes

HINT = "a line for each star: tags such as rrab, then Enter; or: none, ?, undo, x2, x0.5, p=0.534"
FACTORS = {"½": 0.5, "1": 1.0, "2": 2.0}  # of the stored period
WRONG = "wp"
RELATIONS = {2.0: "hp", 0.5: "dp"}  # where twice the stored period is right, that is half a period


def tags_around(tag):
    """Return a tag, its siblings and children, and those above it: what one decides between who looks at a star."""
    parent = tags()["parent_tag"]
    near = [*parent.index[parent == parent.get(tag, "")], *parent.index[parent == tag]]
    return list(dict.fromkeys([tag, *near, *ancestors(tag)]))


class Desk(widgets.VBox):
    """A desk for one person's votes on stars, of which every one is appended to a file at once.

    Stars that the person has answered are not shown again, so that one goes on after a restart where one stopped.

    The keyboard is a field of lines: names of tags and Enter are a vote. It needs no library beside ipywidgets and no
    shortcuts to learn, takes the focus from nobody, and the same words are what is kept. The lines stay, so that none
    is lost of several that are typed while the desk draws.

    Parameters
    ----------
    stars : list of str
    path : path-like
        The file of votes (.csv).
    who : str
        The name of the person.
    tag_names : list of str
        What the buttons ask for. Those above a tag that is set are set by themselves, and kept even without a button.
    draw : callable, optional
        Takes a star and a period (days, or None) and returns a matplotlib Figure.
    periods : dict of float, optional
        Stored periods by star. Where another one is chosen, "wrong period" is set, and "half" or "double period".
    """

    def __init__(self, stars, path, who, tag_names, draw=None, periods=None):
        self.stars, self.path, self.who = [str(star) for star in stars], path, str(who).strip()
        if not self.who:
            raise ValueError("who is empty: a vote needs the name of the person, to be merged with those of others")
        begin_votes(path)
        self.draw, self.periods = draw, {} if periods is None else dict(periods)
        self.asked = [resolve_tag(tag, columns=[tag]) for tag in tag_names]
        self.title, self.message = widgets.HTML(), widgets.HTML()
        self.picture = widgets.Image(format="png", layout={"max_width": "100%"})
        self.factor = widgets.ToggleButtons(options=FACTORS, value=1.0, style={"button_width": "3em"})
        self.period = widgets.FloatText(description="period (d)", step=None)
        self.tag_buttons = {tag.name: self._make_tag_button(tag) for tag in self.asked}
        self.lines = widgets.Textarea(placeholder=HINT, rows=2, layout={"width": "36em"})
        self.taken, self.taking = "", False  # text of the field whose lines are done; whether lines are being done
        none, unsure = partial(self._keep, VOTE, []), partial(self._keep, UNSURE, [])
        self.acts = {"none": none, "?": unsure, "undo": self._undo}  # by the word of a line
        actions = {"Vote": self._vote, "None of these": none, "Don't know": unsure, "Undo": self._undo}
        self.action_buttons = [self._make_button(name, act) for name, act in actions.items()]
        self.factor.observe(lambda change: self._choose_factor(change["new"]), "value")
        self.period.observe(lambda _: self._show(), "value")
        self.lines.observe(lambda change: self._take_lines(change["new"]), "value")
        row = widgets.Box(list(self.tag_buttons.values()), layout={"flex_flow": "row wrap"})
        line = widgets.HBox([widgets.Label("period x"), self.factor, self.period])
        below = widgets.HBox([self.lines, *self.action_buttons], layout={"flex_flow": "row wrap"})
        self._go_on()
        super().__init__([self.title, self.picture, line, row, below, self.message])

    def _make_tag_button(self, tag):
        text = tag.name if tag.label == tag.name else f"{tag.label} ({tag.name})"
        button = widgets.ToggleButton(description=text, layout={"width": "auto"})
        button.observe(lambda change: self._set_family(tag.name, change["new"]), "value")
        return button

    def _make_button(self, name, act):
        button = widgets.Button(description=name, layout={"width": "auto"})
        button.on_click(lambda _: self._try(act))
        return button

    def _set_family(self, tag, is_set):
        """Set the buttons of what follows from a tag, or clear those from which it follows."""
        for name, button in self.tag_buttons.items():
            if is_set and name in implied_tags(tag):
                button.value = True
            elif not is_set and tag in implied_tags(name):
                button.value = False

    def _choose_factor(self, factor):
        if factor is not None and self.stored:
            self.period.value = self.stored * factor

    def _go_on(self, star=None):
        """Show a star, by default the first that the person has not answered."""
        answered = set(self._standing()["obj_id"])
        self.left = [name for name in self.stars if name not in answered]
        self.star = star or (self.left[0] if self.left else "")
        self.stored = self.periods.get(self.star)
        for button in self.tag_buttons.values():
            button.value = False
        self.factor.value = 1.0
        with self.period.hold_trait_notifications():
            self.period.value = self.stored or 0.0
        self._show()

    def _show(self):
        """Draw the star, folded at the period that stands in its field, unless further lines are waiting."""
        if self.taking:
            return
        done = len(self.stars) - len(self.left)
        text = f"star {html.escape(self.star)}" if self.star else "all stars are answered: thank you"
        self.title.value = f"<b>{text}</b>, {done} of {len(self.stars)} answered by {html.escape(self.who)}"
        self.picture.value = b""
        if self.star and self.draw is not None:
            file, period = io.BytesIO(), self.period.value
            figure = self.draw(self.star, period if period > 0 else None)
            figure.savefig(file, format="png", dpi=80)
            plt.close(figure)
            self.picture.value = file.getvalue()

    def _standing(self):
        """Return the person's votes on the stars of the desk that stand."""
        votes = read_votes(self.path)
        return votes[(votes["who"] == self.who) & votes["obj_id"].isin(self.stars)]

    def _try(self, act, *values):
        """Act, and say below the desk what went wrong: where an error of a callback goes, nobody looks."""
        try:
            self.message.value = html.escape(act(*values) or "")
        except (ValueError, OSError) as error:
            self.message.value = f"<b>{html.escape(str(error))}</b>"

    def _take_lines(self, text):
        """Do what whole lines say that are new."""
        whole = text[: text.rfind("\n") + 1]
        lines, self.taken = whole[len(self.taken) :].splitlines() if whole.startswith(self.taken) else [], whole
        if lines:
            self._try(self._read_lines, lines)

    def _read_lines(self, lines):
        """Do what lines say, draw once, and return in words what the last one did.

        Those after one with an error are not read, since they were meant for other stars.
        """
        self.taking = True
        try:
            for number, line in enumerate(lines, 1):
                try:
                    done = self._read_line(line)
                except (ValueError, OSError) as error:
                    rest = f"; not read: {', '.join(lines[number:])}" if lines[number:] else ""
                    raise ValueError(f"{error}{rest}") from error
        finally:
            self.taking = False
            self._show()
        return done

    def _read_line(self, text):
        """Do what the words of the line say; nothing of it if one of them is unknown."""
        words, tags = text.split(), []
        periods = {word: _read_period(word, self.stored) for word in words if word[:2] == "p=" or word[:1] == "x"}
        periods = {word: period for word, period in periods.items() if period}
        for word in words:
            if word not in periods and word not in self.acts:
                tags.append(resolve_tag(word, columns=list(self.tag_buttons)).name)
        for period in periods.values():
            self.period.value = period
        if words and words[-1] in self.acts:
            if len(words) > 1:
                raise ValueError(f"{words[-1]!r} stands by itself: {text!r} was not read as a vote")
            return self.acts[words[-1]]()
        return self._keep(VOTE, tags) if tags else ""

    def _vote(self):
        tags = [name for name, button in self.tag_buttons.items() if button.value]
        if not tags:
            raise ValueError("no tag is set: choose one, or None of these")
        return self._keep(VOTE, tags)

    def _keep(self, answer, tags):
        """Append an answer to the file, go on to the next star, and return what was kept, in words."""
        if not self.star:
            raise ValueError("all stars are answered")
        asked, period, star = [tag.name for tag in self.asked], self.period.value, self.star
        tags = dict.fromkeys([*tags, *(above for tag in tags for above in implied_tags(tag))])
        factor = period / self.stored if self.stored and period > 0 else 1.0
        if answer == VOTE and abs(factor - 1) > 0.01:
            near = [name for ratio, name in RELATIONS.items() if abs(factor / ratio - 1) < 0.01]
            tags |= dict.fromkeys([WRONG, *near])
            asked += [WRONG, *RELATIONS.values()]
        append_vote(self.path, self.who, star, answer, asked, tags, f"{period:.9g}" if period > 0 else "")
        self._go_on()
        return f"{star}: {answer if answer != VOTE else ' '.join(tags) or 'none of these'}"

    def _undo(self):
        votes = self._standing()
        if votes.empty:
            raise ValueError("there is no vote of yours to take back")
        star = votes["obj_id"].iloc[-1]
        append_vote(self.path, self.who, star, UNDO)
        self._go_on(star)
        return f"{star}: taken back"


def _read_period(word, stored):
    """Return the period in days that a word like x2 or p=0.534 stands for; None if it is no such word."""
    try:
        value = float(word[2:] if word.startswith("p=") else word[1:])
    except ValueError:
        return None
    period = value if word.startswith("p=") else value * (stored or 0)
    if not period > 0:
        raise ValueError(f"{word!r} is no period above 0" + ("" if stored else ": the star has no stored one"))
    return period
