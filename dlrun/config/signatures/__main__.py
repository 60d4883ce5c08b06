"""`python -m dlrun.config.signatures` writes the file of Keras's signatures anew."""

from __future__ import annotations

import sys

from dlrun.config.signatures.generated import FILE, generate, installed_version

text = generate()
FILE.write_text(text, encoding="utf-8")
sys.stdout.write(f"{FILE.name}: what {text.count('takes_by')} names of Keras {installed_version()} take\n")
