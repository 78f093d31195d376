"""Transcripts: requests and answers in documents, read, sent to a running cluster and compared.

A document has fenced blocks marked `http`. A block that begins with a method is a request, the block after it is its
answer. What varies from run to run stands as a placeholder:

- `{{name}}` in a request is a value that is known. In an answer it is learned where it is new, and must be the same
  where it is known.
- `<time>`, `<number>` and others (see SHAPES and VALUES) in an answer is anything of that shape.

Two comments before a request are for the player: `<!-- until n3 is removed -->` waits for that state of the node,
`<!-- in any order -->` is for a list in the order of ids, which are random.

All else is compared exactly: the status, every header that is shown, and the body with no field more and none less.
"""
import json
import re
from dataclasses import dataclass, field

BLOCK = re.compile(r"^```http\n(.*?)^```$", re.M | re.S)
REQUEST = re.compile(r"^(GET|POST|PUT|PATCH|DELETE) (/.*)$")
STATUS = re.compile(r"^HTTP/1\.1 (\d{3}) ")
UNTIL = re.compile(r"<!-- until (\w+) is (\w+) -->")
ANY_ORDER = "<!-- in any order -->"
PLACEHOLDER = re.compile(r"\{\{([\w. -]+)\}\}|<(\w+\??)>")

# The shapes of strings, and of values that are no strings.
SHAPES = {
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "id": r"[A-Za-z0-9_.-]{1,64}",
    "token": r"[A-Za-z0-9_.-]{20,2000}",
    "cursor": r"[A-Za-z0-9_.=-]{8,1024}",
    "hash": r"[0-9a-f]{64}",
    "word": r"\S+",
    "text": r"[^\n]*",
    "number": r"\d+(?:\.\d+)?",
}
VALUES = {"number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
          "number?": lambda v: v is None or VALUES["number"](v),
          "object": lambda v: isinstance(v, dict), "list": lambda v: isinstance(v, list) and v != []}
# A line of a text: any number of lines. The second item of a list: any number of others like the first.
MORE = "…"


class Mismatch(AssertionError):
    """What was answered is not what is written."""


@dataclass
class Message:
    """A block: its first line, its headers with lower-case names, and its body."""
    head: str
    headers: dict
    body: str
    line: int

    @classmethod
    def parse(cls, text, line):
        head, _, body = text.partition("\n\n")
        first, *fields = head.strip("\n").split("\n")
        headers = {}
        for one in fields:
            name, _, value = one.partition(":")
            headers[name.strip().lower()] = value.strip()
        return cls(first, headers, body.strip("\n"), line)


@dataclass
class Exchange:
    request: Message
    answer: Message
    until: tuple | None = None      # a node's name and the state to wait for
    ordered: bool = True            # whether the items of the answer's list come as shown

    @property
    def method(self):
        return REQUEST.match(self.request.head).group(1)

    @property
    def target(self):
        return REQUEST.match(self.request.head).group(2)

    @property
    def status(self):
        return int(STATUS.match(self.answer.head).group(1))


def read(path):
    """The exchanges of a document, in their order."""
    text = path.read_text()
    blocks = list(BLOCK.finditer(text))
    messages = [Message.parse(block.group(1), text[:block.start()].count("\n") + 2) for block in blocks]
    exchanges, end = [], 0
    for i, (request, answer) in enumerate(zip(messages[::2], messages[1::2], strict=True)):
        assert REQUEST.match(request.head), f"{path.name}:{request.line}: no request: {request.head}"
        assert STATUS.match(answer.head), f"{path.name}:{answer.line}: no answer: {answer.head}"
        until = UNTIL.search(text, end, blocks[2 * i].start())
        ordered = ANY_ORDER not in text[end:blocks[2 * i].start()]
        exchanges.append(Exchange(request, answer, until and until.groups(), ordered))
        end = blocks[2 * i + 1].end()
    return exchanges


@dataclass
class Names:
    """What the placeholders `{{…}}` stand for."""
    known: dict = field(default_factory=dict)

    def filled(self, text):
        def value(match):
            name = match.group(1)
            if name is None:
                # A request may hold any word in angle brackets; only answers have shapes.
                return match.group(0)
            if name not in self.known:
                raise Mismatch(f"nothing has said yet what {{{{{name}}}}} is")
            return str(self.known[name])
        return PLACEHOLDER.sub(value, text)

    # MARK: Comparing

    def match(self, shown, value, where):
        """Compares a value of an answer with what is shown, and learns."""
        if isinstance(shown, str):
            return self._match_text(shown, value, where)
        if type(shown) is not type(value):
            raise Mismatch(f"{where}: {value!r} instead of {shown!r}")
        if isinstance(shown, dict):
            if set(shown) != set(value):
                raise Mismatch(f"{where}: the fields {list(value)} instead of {list(shown)}")
            for key in shown:
                self.match(shown[key], value[key], f"{where}.{key}")
        elif isinstance(shown, list):
            if len(shown) == 2 and shown[1] == MORE and value != []:
                shown = shown[:1] * len(value)
            if len(shown) != len(value):
                raise Mismatch(f"{where}: {len(value)} items instead of {len(shown)}: {value}")
            for i, (one, other) in enumerate(zip(shown, value)):
                self.match(one, other, f"{where}[{i}]")
        elif shown != value:
            raise Mismatch(f"{where}: {value!r} instead of {shown!r}")

    def _match_text(self, shown, value, where):
        whole = PLACEHOLDER.fullmatch(shown)
        if whole and whole.group(2) in VALUES and VALUES[whole.group(2)](value):
            return
        if not isinstance(value, str):
            raise Mismatch(f"{where}: {value!r} instead of {shown!r}")
        pattern, learned, at = "", [], 0
        for one in PLACEHOLDER.finditer(shown):
            pattern += re.escape(shown[at:one.start()])
            at = one.end()
            name, shape = one.groups()
            if name is None:
                # Not every word in angle brackets is a placeholder.
                pattern += SHAPES.get(shape) or re.escape(one.group(0))
            elif name in self.known:
                pattern += re.escape(str(self.known[name]))
            else:
                pattern += r"(\S+)"
                learned.append(name)
        found = re.fullmatch(pattern + re.escape(shown[at:]), value)
        if not found:
            raise Mismatch(f"{where}: {value!r} instead of {shown!r}")
        for name, text in zip(learned, found.groups()):
            self.known[name] = text

    def reordered(self, shown, values):
        """The values in the order of the shown ones that they match; those that match none at the end."""
        left = list(values)

        def first(one):
            for value in left:
                try:
                    Names(dict(self.known)).match(one, value, "")
                except Mismatch:
                    continue
                left.remove(value)
                return [value]
            return []
        return [value for one in shown for value in first(one)] + left

    def match_lines(self, shown, value, where):
        """Compares texts line by line; a line `…` is any number of lines."""
        lines, at = value.split("\n"), 0
        anywhere = False
        for one in shown.split("\n"):
            if one == MORE:
                anywhere = True
                continue
            while True:
                if at == len(lines):
                    raise Mismatch(f"{where}: no line {one!r}")
                at += 1
                try:
                    self._match_text(one, lines[at - 1], where)
                    break
                except Mismatch:
                    if not anywhere:
                        raise
            anywhere = False
        if not anywhere and at != len(lines):
            raise Mismatch(f"{where}: more lines: {lines[at:]}")

    def compare(self, exchange, answer):
        """An answer that came (of httpx) with the one that is written."""
        shown = exchange.answer
        if answer.status_code != exchange.status:
            raise Mismatch(f"{answer.status_code} instead of {exchange.status}: {answer.text}")
        for name, value in shown.headers.items():
            if name not in answer.headers:
                raise Mismatch(f"no header {name}")
            self._match_text(value, answer.headers[name], f"header {name}")
        if not shown.body:
            if answer.content:
                raise Mismatch(f"a body where none is shown: {answer.text}")
        elif "json" in answer.headers.get("content-type", ""):
            body, value = json.loads(shown.body), answer.json()
            if not exchange.ordered:
                value["items"] = self.reordered(body["items"], value["items"])
            self.match(body, value, "body")
        else:
            self.match_lines(shown.body, answer.text.rstrip("\n"), "body")
