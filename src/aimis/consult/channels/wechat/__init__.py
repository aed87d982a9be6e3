"""A WeChat Official Account: messages in safe mode, and how a consultation is held in them."""
