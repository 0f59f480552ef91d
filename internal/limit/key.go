package limit

import (
	"net/netip"
	"strconv"
)

// clientNetwork returns the network of one client: an IPv4 address, or the /64 of
// an IPv6 address. It is not valid if address is not an IP address.
func clientNetwork(address string) netip.Prefix {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}
	}
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.Prefix(bits)
	return p
}

// appendNetwork appends a network to a bucket's key, after a byte for its family.
func appendNetwork(text []byte, p netip.Prefix) []byte {
	if a := p.Addr(); a.Is4() {
		b := a.As4()
		return append(append(text, '4'), b[:]...)
	}
	b := p.Addr().As16()
	return append(append(text, '6'), b[:8]...)
}

// appendValue appends a value to a bucket's key, after its length: that keeps
// ("a", "bc") and ("ab", "c") apart.
func appendValue(text []byte, value string) []byte {
	text = strconv.AppendInt(text, int64(len(value)), 10)
	text = append(text, ':')
	return append(text, value...)
}

// networkText returns a network as a limiter gets it: an IPv4 address, or the
// prefix of an IPv6 address.
func networkText(p netip.Prefix) string {
	if p.Addr().Is4() {
		return p.Addr().String()
	}
	return p.String()
}
