from davy.domain.urls import redact, redact_text


def test_user_and_password_are_hidden():
    assert redact("rtsp://admin:s3cret@10.0.0.7:554/stream?channel=1") == "rtsp://***@10.0.0.7:554/stream?***"


def test_the_whole_query_is_hidden_whatever_its_names():
    assert redact("http://10.0.0.7/v.cgi?user=a&pwd=s3cret&fps=5") == "http://10.0.0.7/v.cgi?***"


def test_an_address_without_secrets_stays_as_it_is():
    assert redact("mine://gallery?seed=7") == "mine://gallery?seed=7"


def test_a_password_with_an_at_sign_is_hidden_whole():
    assert "s3" not in redact("rtsp://admin:s3@cret@10.0.0.7/")


def test_what_cannot_be_taken_apart_shows_its_scheme_only():
    assert redact("rtsp://a:b@[broken/") == "rtsp://***"


def test_a_random_token_in_the_path_is_hidden():
    assert redact("rtsp://10.0.0.7:7441/Zq3kPw9sLm2xVb7t/live") == "rtsp://10.0.0.7:7441/***/live"
    assert redact("rtsp://10.0.0.7/Streaming/Channels/101") == "rtsp://10.0.0.7/Streaming/Channels/101"


def test_a_fragment_is_hidden():
    assert redact("http://10.0.0.7/v#s3cret") == "http://10.0.0.7/v#***"


def test_every_url_in_a_text_is_redacted():
    text = 'GET http://10.0.0.7/v?tok=s3cret "200 OK", then (redis://davy:s3cret@10.0.0.8:6379/0): refused'
    assert redact_text(text) == 'GET http://10.0.0.7/v?*** "200 OK", then (redis://***@10.0.0.8:6379/0): refused'
