//go:build unix

package live

import (
	"io/fs"
	"syscall"
)

// An identity tells apart two contents of a file with the same size and the same time of
// modification.
type identity struct {
	device, inode uint64
	// changed is the time of the latest change of the file or of its description.
	changed int64
}

func identityOf(_ string, info fs.FileInfo) identity {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.IsDir() {
		return identity{}
	}
	return identity{uint64(s.Dev), uint64(s.Ino), changeTime(s)}
}

// isOther reports whether two identities are those of different files.
func (id identity) isOther(o identity) bool { return id.device != o.device || id.inode != o.inode }
