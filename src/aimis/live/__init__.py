"""An examination while it is made: a stream is shown and judged as it comes, frames are kept, then read as one."""
