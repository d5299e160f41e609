"""The one-machine stack, without starting one."""
