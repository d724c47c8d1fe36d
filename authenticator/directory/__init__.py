"""The LDAP directory: find a person, prove the password with one bind, read the groups.

::

    directory.py    Directory: what the door, the watch and the pages ask
        servers.py      which server answers: the list, failover      breaker.py   is it worth the wait
        people.py       one entry for one name                        bind.py      a password, sent once
        lookups.py      people without a password                     policy.py    what a bind's answer means
        groups.py       what somebody belongs to (sweep.py: many people at once; names.py: what equals what)
        status.py       is the account switched off
            ldap.py, tls.py   ldap3 and certificates, and nothing else knows of them
    probe.py        one server step by step, for `hpchub doctor` (handshake.py: what TLS with it shows)
"""

from authenticator.directory.directory import Directory
from authenticator.directory.people import Account, Person
from authenticator.directory.settings import DirectorySettings

__all__ = ["Account", "Directory", "DirectorySettings", "Person"]
