==> /etc/cron.d/e2scrub_all <==
30 3 * * 0 root test -e /run/systemd/system || SERVICE_MODE=1 /usr/lib/x86_64-linux-gnu/e2fsprogs/e2scrub_all_cron
10 3 * * * root test -e /run/systemd/system || SERVICE_MODE=1 /sbin/e2scrub_all -A -r

==> /etc/cron.d/pg-archive-housekeeping <==
# role: postgres_common  (managed by salt)
30 4 * * * root find /var/lib /srv -xdev -type f -name '*.wal' -mmin +240 -print -delete >> /var/log/pg-archive-housekeeping.log

==> /etc/cron.d/sysstat <==
5-55/10 * * * * root command -v debian-sa1 > /dev/null && debian-sa1 1 1
