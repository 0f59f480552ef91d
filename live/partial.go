package live

// A Partial is a Source that can leave out a part of its declarations, such as the
// object of one user that has an error, so that the other parts take effect.
type Partial interface {
	Source
	// Attempted is called after each attempt to build or to replace the
	// configuration, with its error, or nil. If it returns true, Declare now returns
	// something else, and there is another attempt at once. Only the last one of
	// these attempts is reported.
	Attempted(err error) (again bool)
}

// maxAttempts is how often a configuration is attempted in parts. An object may have an
// error that shows only without another object.
const maxAttempts = 10

// inParts calls attempt, and again while the source leaves out something that had an
// error.
func inParts(source Source, attempt func() error) error {
	partial, ok := source.(Partial)
	for tried := 1; ; tried++ {
		err := attempt()
		if !ok || !partial.Attempted(err) || err == nil || tried == maxAttempts {
			return err
		}
	}
}
