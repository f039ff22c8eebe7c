"""What is in a file of reads: iterators of stored bytes in, facts or problems out.

`examine` is the door; `facts` says what comes back. Each file is parsed by a process of its own (`worker`),
because what strangers send is not parsed beside the server's secrets. Knows no HTTP and no database.
"""
