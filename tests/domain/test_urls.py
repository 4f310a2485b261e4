from davy.domain.urls import redact


def test_user_and_password_are_hidden():
    assert redact("rtsp://admin:s3cret@10.0.0.7:554/stream?channel=1") == "rtsp://***@10.0.0.7:554/stream?channel=1"


def test_a_secret_in_the_query_is_hidden():
    assert redact("http://10.0.0.7/v.cgi?user=a&pwd=s3cret&fps=5") == "http://10.0.0.7/v.cgi?user=***&pwd=***&fps=5"


def test_an_address_without_secrets_stays_as_it_is():
    assert redact("mine://gallery?seed=7") == "mine://gallery?seed=7"


def test_a_password_with_an_at_sign_is_hidden_whole():
    assert "s3" not in redact("rtsp://admin:s3@cret@10.0.0.7/")


def test_what_cannot_be_taken_apart_shows_its_scheme_only():
    assert redact("rtsp://a:b@[broken/") == "rtsp://***"
