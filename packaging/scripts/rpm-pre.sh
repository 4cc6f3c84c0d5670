# In a system made of nothing the programs may come later: then rpm-post does it.
if command -v groupadd >/dev/null && command -v useradd >/dev/null; then make_account; fi
