package resource

import (
	"fmt"
)

// PortProblem says what keeps n from being a port's number.
func PortProblem(n int) string {
	if n < 1 || n > 65535 {
		return fmt.Sprintf("%d is not a port, 1 to 65535 is expected", n)
	}
	return ""
}
