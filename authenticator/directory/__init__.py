"""The LDAP directory: find a person, prove the password with one bind, read the groups.

::

    directory.py   Directory: what the door, the watch and the pages ask
        servers.py     which server answers: the list, failover
        people.py      one entry for one name           bind.py     a password, sent once
        groups.py      what somebody belongs to         policy.py   what an answer to a bind means
            ldap.py, tls.py   ldap3 and certificates, and nothing else knows of them
"""

from authenticator.directory.directory import Directory
from authenticator.directory.people import Account, Person
from authenticator.directory.settings import DirectorySettings

__all__ = ["Account", "Directory", "DirectorySettings", "Person"]
