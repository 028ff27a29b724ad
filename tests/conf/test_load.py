from pathlib import Path

import pytest
import yaml

from conf.load import PROFILES, load_model, load_settings, read_yaml
from conf.settings import FetchSettings, Settings, UnusableSettings


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOMEDICA_LAKE_URI", "s3://bucket/lake/")
    monkeypatch.setenv("BIOMEDICA_EXPORT_URI", "s3://bucket/shards")


def refusal(*overrides: str, profile: str = "local") -> str:
    with pytest.raises(UnusableSettings, match=r"\w") as refused:
        load_settings(profile, overrides)
    return str(refused.value)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_loads_and_survives_a_round_trip_through_json(profile: str) -> None:
    settings = load_settings(profile)
    assert Settings.model_validate(settings.model_dump(mode="json")) == settings


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    assert refusal(profile="laptop") == "--profile must be one of local, cluster, databricks or a YAML file, not 'laptop'"


def test_a_profile_may_be_a_file_of_ones_own_over_a_known_one(tmp_path: Path) -> None:
    own = tmp_path / "ours.yaml"
    own.write_text(
        "extends: local\neval: {sets: {vqa: /data/vqa}}\nfetch: {wave_size: 7}\nspark: {conf: {spark.ui.enabled: true}}\n"
    )
    settings, local = load_settings(str(own), ["fetch.concurrency=3"]), load_settings("local")
    assert (settings.eval.sets, settings.fetch.wave_size, settings.fetch.concurrency) == ({"vqa": "/data/vqa"}, 7, 3)
    assert settings.export == local.export
    assert settings.spark.conf == local.spark.conf | {"spark.ui.enabled": "true"}


def test_a_file_that_extends_nothing_stands_over_the_defaults(tmp_path: Path) -> None:
    own = tmp_path / "ours.yml"
    own.write_text("source: {uri: /bucket}\nlake: {uri: /lake}\nexport: {uri: /shards}\n")
    settings = load_settings(str(own))
    assert (settings.lake.uri, settings.spark.conf) == ("/lake", {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("extends: laptop\n", "ours.yaml: extends must be one of local, cluster, databricks, not 'laptop'"),
        ("extends: [local]\n", "extends must be one of"),
        (
            "extends: local\nfetch: {color: red}\n",
            "1 wrong setting(s) in ours.yaml or the overrides:\n  fetch.color: unknown key",
        ),
        ("extends: local\nfetch: 3\n", "fetch: "),
        ("- local\n", "must hold a mapping"),
    ],
)
def test_a_wrong_file_is_refused_by_name(text: str, told: str, tmp_path: Path) -> None:
    own = tmp_path / "ours.yaml"
    own.write_text(text)
    assert told in refusal(profile=str(own))


@pytest.mark.parametrize(
    ("name", "told"), [("folder.yaml", "Is a directory"), ("latin.yaml", "it is not UTF-8"), ("latin.yaml/a.yaml", "Not a d")]
)
def test_a_file_that_cannot_be_read_is_refused(name: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "latin.yaml").write_bytes(b"\xe9: 1\n")
    assert f"settings file {tmp_path / name} cannot be read: {told}" in refusal(profile=str(tmp_path / name))


def test_a_profile_file_that_is_not_there_is_refused() -> None:
    assert refusal(profile="nowhere/ours.yaml") == "settings file nowhere/ours.yaml does not exist"


def test_overrides_reach_nested_keys_and_are_read_as_yaml() -> None:
    settings = load_settings(
        "local", ["source.license_groups=[commercial]", "source.since=2026-11-01", "fetch.retry_rejected=yes"]
    )
    assert settings.source.license_groups == ("commercial",)
    assert str(settings.source.since) == "2026-11-01"
    assert settings.fetch.retry_rejected is True


def test_a_later_override_wins() -> None:
    assert load_settings("local", ["fetch.concurrency=2", "fetch.concurrency=3"]).fetch.concurrency == 3


def test_the_value_of_an_override_may_hold_equals_signs() -> None:
    uri = "https://host/esearch?api_key=a=b"
    assert load_settings("local", [f"source.esearch_url={uri}"]).source.esearch_url == uri


def test_every_wrong_key_is_named_at_once_with_rule_and_value() -> None:
    lines = refusal("fetch.concurrency=0", "images.format=GIF", "lake.color=red", "nothing=1").splitlines()
    assert lines[0] == "4 wrong setting(s) in local.yaml or the overrides:"
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["lake.color", "fetch.concurrency", "images.format", "nothing"]
    assert "greater than 0 (got '0')" in lines[2]
    assert "'JPEG' or 'WEBP' (got 'GIF')" in lines[3]
    assert lines[4].endswith("unknown key (got '1')")


@pytest.mark.parametrize("override", ["novalue", "=3", "fetch..concurrency=3", ".=1"])
def test_an_override_without_key_or_value_is_refused(override: str) -> None:
    assert "must have the form key=value" in refusal(override)


def test_an_override_below_a_value_is_refused() -> None:
    assert "'uri' is a value, not a section" in refusal("lake.uri.folder=x")


def test_an_override_that_is_no_yaml_is_refused() -> None:
    assert "the value is not YAML" in refusal("source.query=[open")


def test_places_come_from_the_environment() -> None:
    assert load_settings("cluster").lake.uri == "s3://bucket/lake"


def test_a_place_that_the_environment_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIOMEDICA_LAKE_URI")
    message = refusal(profile="cluster")
    assert "lake.uri" in message
    assert "export.uri" not in message


def test_a_fallback_stands_in_for_a_missing_variable(tmp_path: Path) -> None:
    path = tmp_path / "fetch.yaml"
    path.write_text("concurrency: ${NOT_SET_ANYWHERE:-7}\n", encoding="utf-8")
    assert load_model(FetchSettings, path).concurrency == 7


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "", "a: [1\n"])
def test_a_file_that_is_no_mapping_is_refused_by_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"settings file mine\.yaml"):
        read_yaml(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        read_yaml(tmp_path / "none.yaml")


def test_spark_options_are_overridden_by_their_dotted_names() -> None:
    overrides = ["spark.sql.shuffle.partitions=9", "spark.ui.enabled=true", "spark.memory.fraction=0.8"]
    conf = load_settings("local", [f"spark.conf.{override}" for override in overrides]).spark.conf
    assert conf.pop("spark.memory.fraction") == "0.8"
    assert conf["spark.sql.shuffle.partitions"] == "9"
    assert conf["spark.ui.enabled"] == "true"
    shipped = yaml.safe_load((Path(__file__).parents[2] / "conf" / "local.yaml").read_text(encoding="utf-8"))["spark"]["conf"]
    assert conf.keys() == shipped.keys()


def test_an_unknown_key_is_answered_with_a_similar_one() -> None:
    shown = refusal("duplicates.max_distanc=3", "lake.url=x")
    assert "duplicates.max_distanc: unknown key, did you mean duplicates.max_distance? (got '3')" in shown
    assert "lake.url: unknown key, did you mean lake.uri? (got 'x')" in shown


@pytest.mark.parametrize(
    "overrides",
    [
        ["eval.sets={a: /x}", "eval.sets={b: /y}"],
        ["eval.sets.a=/x", "eval.sets={b: /y}"],
        ["eval.sets.a=/x", "eval={sets: {b: /y}}"],
        ["eval.sets.a=/x", "eval={allow_removed: [b]}"],
        ["eval.sets.a=/x", "eval.sets="],
    ],
)
def test_no_evaluation_set_is_lost_among_overrides(overrides: list[str]) -> None:
    assert "eval.sets" in refusal(*overrides)
    if overrides[-1] != "eval.sets=":
        assert "an override drops a, which the profile or an earlier one names" in refusal(*overrides)
        load_settings("local", [*overrides, "eval.allow_removed=[a]"])


@pytest.mark.parametrize("override", ["eval.sets={b: /y}", "eval={sets: {b: /y}}", "eval={allow_removed: [b]}"])
def test_no_evaluation_set_of_a_profile_is_lost(override: str, tmp_path: Path) -> None:
    own = tmp_path / "ours.yaml"
    own.write_text("extends: local\neval: {sets: {a: /x}}\n")
    with pytest.raises(UnusableSettings, match="an override drops a, "):
        load_settings(str(own), [override])
    assert load_settings(str(own), ["eval.sets.b=/y"]).eval.sets == {"a": "/x", "b": "/y"}
    assert load_settings(str(own), ["eval.sets.a=/z"]).eval.sets == {"a": "/z"}


def test_merged_keys_of_a_settings_file_count_once(tmp_path: Path) -> None:
    own = tmp_path / "ours.yaml"
    own.write_text("extends: local\neval: {sets: {<<: {a: /x, b: /z}, b: /y}}\n")
    assert load_settings(str(own)).eval.sets == {"a": "/x", "b": "/y"}


def test_variables_stand_within_values_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHO", "us")
    monkeypatch.setenv("HOME", "/home/us")
    settings = load_settings("local", ["lake.uri=/data/${WHO}/${KIND:-lake}", "export.uri=~/shards"])
    assert (settings.lake.uri, settings.export.uri) == ("/data/us/lake", "/home/us/shards")
    assert load_settings("local", ["lake.uri=/data/$${WHO}"]).lake.uri == "/data/${WHO}"
    assert refusal("lake.uri=/data/${NOT_SET_ANYWHERE}") == (
        "the environment has no variable NOT_SET_ANYWHERE, which the settings name"
    )


@pytest.mark.parametrize("name", ["", " a", "a/b"])
def test_an_evaluation_set_has_a_name_to_be_found_by(name: str) -> None:
    assert "the name of a set may" in refusal(f"eval.sets={{'{name}': /x}}")


@pytest.mark.parametrize(
    "text",
    [
        "eval: {sets: {a: /x, a: /y}}",
        "eval: {sets: {a: /x}}\neval: {sets: {b: /y}}",
        "source: {since: 2024-13-45}",
        "fetch: &a [*a]",
        "[" * 5_000,
        "fetch: {concurrency: 0x_}",
        "? [a]\n: 1",
    ],
)
def test_what_is_no_settings_file_is_refused_in_words(text: str, tmp_path: Path) -> None:
    own = tmp_path / "ours.yaml"
    own.write_text(text)
    assert "ours.yaml" in refusal(profile=str(own))


def test_a_date_that_is_none_is_refused_in_words() -> None:
    assert "month must be in 1..12" in refusal("source.since=2024-13-45")


def test_no_secret_stands_in_a_refusal(tmp_path: Path) -> None:
    own = tmp_path / "ours.yaml"
    own.write_text("spark: {conf: {spark.hadoop.fs.s3a.secret.key: hunter2}}\nfetch: {api_key: hunter3}\n")
    told = refusal(profile=str(own))
    assert "source: Field required" in told
    assert "hunter" not in told


@pytest.mark.parametrize(
    "override",
    [
        "spark.conf.spark.hadoop.fs.s3a.secret.key=@hunter2",
        "spark.conf.spark.hadoop.fs.s3a.secret.key=*hunter2",
        "spark.conf.spark.hadoop.fs.s3a.secret.key=%hunter2",
        "spark.hadoop.fs.azure.account.key.acct.dfs.core.windows.net=hunter2",
        "spark.conf.spark.hadoop.fs.azure.account.key.acct.dfs.core.windows.net=[hunter2]",
        "fetch={api_key: hunter2, api_key: hunter3}",
        "fetch.api_key=7340034",
        "lake.uri.secret=hunter2",
        "fetch..token=hunter2",
    ],
)
def test_no_secret_stands_in_the_refusal_of_an_override(override: str) -> None:
    told = refusal(override)
    assert "hunter" not in told
    assert "7340034" not in told


def test_broken_yaml_is_told_in_one_line_without_what_it_holds(tmp_path: Path) -> None:
    own = tmp_path / "ours.yaml"
    own.write_text("fetch:\n  api_key: @hunter2\n")
    told = refusal(profile=str(own))
    assert told == "settings file ours.yaml is not YAML: found character '@' that cannot start any token in line 2, column 12"


@pytest.mark.parametrize("value", [".inf", "300000", "0"])
def test_a_limit_that_no_clock_takes_is_refused(value: str) -> None:
    assert "images.timeout_s" in refusal(f"images.timeout_s={value}")


def test_an_evaluation_set_that_is_given_twice_is_refused() -> None:
    with pytest.raises(UnusableSettings, match=r"eval\.sets\.a: given more than once"):
        load_settings("local", ["eval.sets.a=/x", "eval.sets.b=/x", "eval.sets.a=/y"])
