"""The remote cache: the store's objects and results, shared between machines.

A remote cache is a directory (``/srv/cache``), a web server to read from
(``https://cache.example.com/omnibuild``) or a bucket of S3 or of any store with its protocol
(``s3://bucket/prefix?endpoint=https://host&region=name``; credentials from the environment or
the configuration files that every tool for AWS reads). A web server may serve what builders write
as a directory. It holds::

    blobs/ab/<sha256>            one file each: sources, packages
    trees/ab/<digest>.tar.zst    one tree each: roots, components
    results/ab/<key>.json        what the action with that key produced

Nothing that it says is believed: blobs and trees must have the digest that they are asked for,
and with trusted keys every result must be signed by one of them. What is missing, truncated or
poisoned counts as missing; a warning tells of all that should have been good. A remote that fails
is not asked again in the same run. No build fails because of its remote cache.
"""
