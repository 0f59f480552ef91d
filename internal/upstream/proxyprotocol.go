package upstream

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"net/netip"
)

// A ProxyProtocol is a version of HAProxy's PROXY protocol. Its header at the
// beginning of a connection names the client for which the connection is made.
type ProxyProtocol uint8

// The versions.
const (
	// NoProxyProtocol sends no header.
	NoProxyProtocol ProxyProtocol = iota
	// ProxyProtocolV1 is the text version.
	ProxyProtocolV1
	// ProxyProtocolV2 is the binary version.
	ProxyProtocolV2
)

// header returns the header for the connection that r came on: from its
// client's address to the address that received it, whatever other headers
// claim. If these are unknown, it names none. Two headers are equal if both
// addresses are equal.
func (p ProxyProtocol) header(r *http.Request) string {
	if p == NoProxyProtocol {
		return ""
	}
	var received net.Addr
	received, _ = r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	source, destination := addrPort(r.RemoteAddr), netip.AddrPort{}
	if received != nil {
		destination = addrPort(received.String())
	}
	known := source.IsValid() && destination.IsValid() && source.Addr().Is4() == destination.Addr().Is4()
	if p == ProxyProtocolV1 {
		return headerV1(source, destination, known)
	}
	return headerV2(source, destination, known)
}

// addrPort parses an address. It drops the zone of an IPv6 address: the header
// has no room for it, and it is valid only on this machine.
func addrPort(text string) netip.AddrPort {
	a, err := netip.ParseAddrPort(text)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

func headerV1(source, destination netip.AddrPort, known bool) string {
	if !known {
		return "PROXY UNKNOWN\r\n"
	}
	family := "TCP6"
	if source.Addr().Is4() {
		family = "TCP4"
	}
	return fmt.Sprintf("PROXY %s %s %s %d %d\r\n", family, source.Addr(), destination.Addr(), source.Port(), destination.Port())
}

func headerV2(source, destination netip.AddrPort, known bool) string {
	const (
		signature           = "\r\n\r\n\x00\r\nQUIT\n"
		local, proxied      = 0x20, 0x21
		unknown, tcp4, tcp6 = 0x00, 0x11, 0x21
	)
	if !known {
		return signature + string([]byte{local, unknown, 0, 0})
	}
	family := byte(tcp6)
	if source.Addr().Is4() {
		family = tcp4
	}
	addresses := append(source.Addr().AsSlice(), destination.Addr().AsSlice()...)
	addresses = binary.BigEndian.AppendUint16(addresses, source.Port())
	addresses = binary.BigEndian.AppendUint16(addresses, destination.Port())
	header := append([]byte(signature), proxied, family)
	header = binary.BigEndian.AppendUint16(header, uint16(len(addresses)))
	return string(append(header, addresses...))
}
