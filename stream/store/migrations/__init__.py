"""Migrations of the store's tables, one file each in `versions`; see CONTRIBUTING.md."""
