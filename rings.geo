descs = 4096
small-size = 512K
large-size = 1M
