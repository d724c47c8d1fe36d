"""What people read, in their language."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import texts
from texts import catalogue
from texts.extract import find_texts, problems

ROOT = Path(__file__).resolve().parents[2]


class Visitor:
    def __init__(self, cookie: str | None) -> None:
        self.cookie = cookie

    def get_cookie(self, name: str, /) -> str | None:
        return self.cookie if name == "hpchub-lang" else None


@pytest.fixture
def korean_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    entries = (
        'msgid ""\n'
        'msgstr "Content-Type: text/plain; charset=utf-8\\nPlural-Forms: nplurals=1; plural=0;\\n"\n\n'
        'msgid "Stop"\nmsgstr "중지"\n\n'
        'msgid "100% free"\nmsgstr "100% 무료"\n\n'
        'msgid "waiting: %(why)s"\nmsgstr "대기 중: %(why)s"\n\n'
        'msgid "all %(n)d nodes are busy"\nmsgstr "노드 %(n)d개가 모두 사용 중"\n\n'
        'msgid "wrong %(here)s"\nmsgstr "%(there)s 틀림"\n\n'
        '#, fuzzy\nmsgid "guessed"\nmsgstr "짐작"\n\n'
        'msgid "%(n)d job waits"\nmsgid_plural "%(n)d jobs wait"\nmsgstr[0] "작업 %(n)d개 대기"\n'
    )
    (tmp_path / "ko.po").write_text(entries, encoding="utf-8")
    monkeypatch.setattr(catalogue, "_FOLDER", tmp_path)
    catalogue._forms.cache_clear()
    yield
    catalogue._forms.cache_clear()


@pytest.mark.usefixtures("korean_catalogue")
class TestTranslate:
    def test_a_korean_reader_reads_korean(self) -> None:
        assert texts.translate("ko", "Stop") == "중지"

    def test_an_english_reader_reads_the_source(self) -> None:
        assert texts.translate("en", "Stop") == "Stop"

    def test_a_text_without_translation_stays_english(self) -> None:
        assert texts.translate("ko", "Go %(where)s", where="home") == "Go home"

    def test_a_guessed_translation_is_not_shown(self) -> None:
        assert texts.translate("ko", "guessed") == "guessed"

    def test_a_percent_sign_needs_no_doubling_without_parameters(self) -> None:
        assert texts.translate("ko", "100% free") == "100% 무료"

    def test_a_wrong_placeholder_in_the_catalogue_falls_back_to_english(self) -> None:
        assert texts.translate("ko", "wrong %(here)s", here="x") == "wrong x"

    def test_a_missing_parameter_shows_the_text_rather_than_an_error(self) -> None:
        assert texts.translate("en", "%(a)s and %(b)s", a=1) == "%(a)s and %(b)s"

    def test_a_sentence_inside_a_sentence_is_translated_too(self) -> None:
        inner = ("all %(n)d nodes are busy", {"n": 5})
        assert texts.say("ko", ("waiting: %(why)s", {"why": inner})) == "대기 중: 노드 5개가 모두 사용 중"

    def test_an_unknown_language_reads_english(self) -> None:
        assert texts.translate("fr", "Stop") == "Stop"

    @pytest.mark.parametrize(
        ("lang", "n", "expected"),
        [
            ("en", 1, "1 job waits"),
            ("en", 2, "2 jobs wait"),
            ("en", 0, "0 jobs wait"),
            ("ko", 1, "작업 1개 대기"),
        ],
    )
    def test_a_counted_text_fits_the_number(self, lang: str, n: int, expected: str) -> None:
        assert texts.ntranslate(lang, "%(n)d job waits", "%(n)d jobs wait", n) == expected


class TestLanguageOf:
    def test_the_cookie_decides(self) -> None:
        assert texts.language_of(Visitor("ko")) == "ko"

    @pytest.mark.parametrize("cookie", [None, "", "xx", "../ko", "ko\r\nSet-Cookie: a=b", "KO"])
    def test_an_unknown_cookie_means_the_site_default(self, cookie: str | None) -> None:
        assert texts.language_of(Visitor(cookie)) == "en"

    def test_the_site_default_can_be_korean(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(texts, "default_language", "ko")
        assert texts.language_of(Visitor(None)) == "ko"
        assert texts.language_of(None) == "ko"


class TestCatalogues:
    def test_every_text_has_its_translation_and_nothing_is_left_over(self) -> None:
        assert list(problems(find_texts(ROOT))) == []

    def test_a_catalogue_that_lags_behind_is_noticed(self, tmp_path: Path) -> None:
        (tmp_path / "templates").mkdir()
        (tmp_path / "templates" / "x.html").write_text("{% trans %}Brand new words{% endtrans %}")
        (tmp_path / "slurm").mkdir()
        (tmp_path / "slurm" / "x.py").write_text('s = Sentence("Words of Slurm %(n)s", {})')
        lines = "\n".join(problems(find_texts(tmp_path)))
        assert "missing: 'Brand new words'" in lines
        assert "missing: 'Words of Slurm %(n)s'" in lines

    @pytest.mark.parametrize("lang", [lang for lang in texts.LANGUAGES if lang != "en"])
    def test_a_catalogue_is_a_valid_file_without_doubles(self, lang: str) -> None:
        path = ROOT / "texts" / f"{lang}.po"
        with path.open("rb") as file:
            entries = [m.id for m in read_po(file, abort_invalid=True) if m.id]
        written = path.read_text(encoding="utf-8").count("\nmsgid ") - 1
        assert len(entries) == written


# Particles are written onto the word before them; requests end in 십시오, and questions in 까, all alike.
_LOOSE_PARTICLE = re.compile(
    r"[A-Za-z~] (은\(는\)|이\(가\)|을\(를\)|와\(과\)|으로|로|의|에서|에|를|을|는|은|가)(?![가-힣])"
)
_OTHER_TONE = re.compile(r"(?<!안녕하)세요|나요\?|을까요\?|할까요\?")


def test_korean_speaks_in_one_tone_and_keeps_particles_with_their_words() -> None:
    with (ROOT / "texts" / "ko.po").open("rb") as file:
        translations = [str(message.string) for message in read_po(file) if message.id]
    assert [text for text in translations if _LOOSE_PARTICLE.search(text)] == []
    assert [text for text in translations if _OTHER_TONE.search(text)] == []
