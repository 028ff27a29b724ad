"""What is written where others may read it holds no secret."""

import json

import pytest

from conf.load import load_settings
from conf.public_values import public_values
from conf.settings import Settings
from conf.train_settings import load_train_settings

SECRETS = [
    "source.esearch_url=https://user:WORD@host/esearch.fcgi?api_key=WORD&email=WORD#x",
    "source.uri=https://WORD@host",
    "source.endpoint=http://me:WO@RD:WORD@host:9000",
    "spark.conf.spark.hadoop.fs.s3a.secret.key=WORD",
    "spark.conf.spark.hadoop.fs.s3a.access.key=WORD",
    "spark.conf.spark.hadoop.fs.s3a.session.token=WORD",
    "spark.conf.spark.hadoop.fs.azure.sas.container=WORD",
    "spark.conf.spark.ssl.keyStorePassword=WORD",
    "spark.conf.spark.driver.extraJavaOptions=-Dmine.password=WORD -Xss4m",
    "eval.sets={a: 's3://bucket/set?token=WORD'}",
]


@pytest.mark.parametrize("override", SECRETS)
def test_a_secret_of_the_pipeline_is_in_no_public_dump(override: str) -> None:
    settings = load_settings("local", [override])
    assert "WORD" in settings.model_dump_json()
    assert "WORD" not in json.dumps(settings.public_dump())


def test_options_of_an_object_store_and_addresses_of_the_trainer_are_hidden() -> None:
    settings = load_train_settings("demo", ["data.store={sas: WORD, anything: WORD}", "data.uri=https://me:WORD@host/shards"])
    dumped = settings.public_dump()
    assert "WORD" not in json.dumps(dumped)
    assert dumped["data"]["store"] == {"sas": "***", "anything": "***"}


def test_nothing_else_is_hidden() -> None:
    settings = load_settings("local", ["source.uri=s3://bucket", "spark.conf.spark.driver.extraJavaOptions=-Xss4m"])
    assert settings.public_dump() == settings.model_dump(mode="json")
    assert Settings.model_validate(settings.public_dump()) == settings
    train = load_train_settings("demo")
    assert train.public_dump() == train.model_dump(mode="json")


def test_addresses_keep_host_path_and_names() -> None:
    assert public_values("https://me:word@host/esearch?api_key=a&tool=b") == "https://***@host/esearch?api_key=***&tool=***"
