"""The pages about one-time passwords, at /hub/otp: for everybody their own device, for administrators all."""
