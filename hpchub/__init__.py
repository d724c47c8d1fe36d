"""The command `hpchub`: `hpchub env` for users, `hpchub otp` and `hpchub doctor` for administrators."""
