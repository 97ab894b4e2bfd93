"""`causeline up`: the broker and the processes of this machine, supervised."""
