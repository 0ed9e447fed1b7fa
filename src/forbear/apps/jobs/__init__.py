"""The work behind each command, free of the command line: arguments in, values out, everything said to a Console."""
