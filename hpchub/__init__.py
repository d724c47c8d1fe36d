"""The administrator's command: `hpchub otp`, `hpchub doctor`."""
