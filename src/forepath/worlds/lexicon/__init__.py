"""The words of the document grammar, as data: themes, word lists, topics, kinds, personas, tones."""
