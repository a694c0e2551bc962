package patterns

// IsMarker tells a name that stands in the list of the key exchange methods that
// a side offers and is none: it says what else that side can do (RFC 8308, 2.1;
// OpenSSH's PROTOCOL on strict key exchange).
func IsMarker(name string) bool {
	switch name {
	case "ext-info-c", "ext-info-s", "kex-strict-c-v00@openssh.com", "kex-strict-s-v00@openssh.com":
		return true
	}
	return false
}
