// Takes the hub's redirect counter out of the address, so that a reload starts afresh.

const address = new URL(location.href);
if (address.searchParams.has("redirects")) {
  address.searchParams.delete("redirects");
  history.replaceState({}, "", address);
}
