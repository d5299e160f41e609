"""Which endpoints a model may be behind."""

from __future__ import annotations

import pytest

from shared.config import ConfigurationError, DeepSeek, load


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/v1",
        "http://127.0.0.1:8000/v1",
        "http://10.1.2.3/v1",
        "http://[fd00::1]:8000",
        "http://vllm:8000/v1",
        "http://vllm.models.internal/v1",
        "http://localhost:11434/v1",
    ],
)
def test_pages_go_out_encrypted_or_stay_inside(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPSEEK_URL", url)
    assert DeepSeek().deepseek_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/v1",
        "http://8.8.8.8/",
        "ftp://vllm/v1",
        "https://",
        "https://me:key@h/v1",
        "https://h/?a",
    ],
)
def test_others_are_refused_with_a_sentence_that_names_the_setting(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPSEEK_URL", url)
    with pytest.raises(ConfigurationError, match=r"DEEPSEEK_URL: must be"):
        load(DeepSeek, "It")


def test_a_key_comes_from_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPSEEK_KEY", "sk-1")
    monkeypatch.setenv("DEEPSEEK_SECRET_ARN", "arn:aws:secretsmanager:eu-central-1:1:secret:x")
    with pytest.raises(ConfigurationError) as met:
        load(DeepSeek, "It")
    assert "sk-1" not in str(met.value)
    monkeypatch.delenv("DEEPSEEK_SECRET_ARN")
    assert "sk-1" not in repr(DeepSeek())
