"""The shared vocabulary: types, the catalogue of conditions, messages and their wire encodings."""
