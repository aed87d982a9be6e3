"""The lung reader: nodules of a chest CT, found, measured, judged and compared with an earlier one."""
