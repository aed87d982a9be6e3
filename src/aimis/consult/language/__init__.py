"""Free text in English and Chinese to findings, by a lexicon and a small grammar; nothing is learnt or generated."""
