"""Many runs that belong together: trials and ablations."""
