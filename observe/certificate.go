package observe

import (
	"fmt"
	"strings"
	"time"
)

// A Certificate is a certificate that a TLS server shows to clients.
type Certificate struct {
	// Gateway is the namespace and name of the Gateway, Port its port, and Hosts are the
	// hosts of the server.
	Gateway string
	Port    int
	Hosts   []string
	// Names are the names in the certificate, and Serial is its serial number in
	// hexadecimal.
	Names  []string
	Serial string
	// NotBefore and NotAfter are when it is valid.
	NotBefore, NotAfter time.Time
}

// String returns what distinguishes the certificate from others, such as
// "default/shop:443 shop.test 2a".
func (c *Certificate) String() string {
	return fmt.Sprintf("%s:%d %s %s", c.Gateway, c.Port, strings.Join(c.Names, ","), c.Serial)
}
