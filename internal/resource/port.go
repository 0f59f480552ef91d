package resource

import (
	"fmt"
)

// PortProblem returns why n cannot be a port number, or "" if it can.
func PortProblem(n int) string {
	if n < 1 || n > 65535 {
		return fmt.Sprintf("%d is not a port, 1 to 65535 is expected", n)
	}
	return ""
}
