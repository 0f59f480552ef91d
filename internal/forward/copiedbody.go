package forward

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// MirrorLag is how many bytes a mirror may be behind the body of the request. A
// slower mirror loses the copy.
const MirrorLag = 1 << 20

// mirrorsLag is how many bytes all mirrors together may be behind.
const mirrorsLag = 64 << 20

// A TeeBody passes the body of a request to its destination and copies it to
// mirrors.
type TeeBody struct {
	io.ReadCloser
	// Trailer is filled at the end of the body.
	Trailer http.Header
	Copies  []*CopiedBody
}

func (b *TeeBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	var trailer http.Header
	if err == io.EOF {
		trailer = b.Trailer.Clone()
	}
	for _, c := range b.Copies {
		c.write(p[:n], err, trailer)
	}
	return n, err
}

// End ends the copies if the destination has not read the whole body. Handlers do
// not close bodies that belong to net/http's server.
func (b *TeeBody) End() {
	if b == nil {
		return
	}
	for _, c := range b.Copies {
		c.write(nil, ErrCutBody, nil)
	}
}

var (
	ErrCutBody  = errors.New("gateway: the mirrored request's body was not read to its end")
	ErrSlowCopy = errors.New("gateway: the mirror fell too far behind")
)

// A CopiedBody is a mirror's copy of a body.
type CopiedBody struct {
	// lag counts the unread bytes of all copies.
	lag *atomic.Int64

	mu   sync.Mutex
	more sync.Cond
	data bytes.Buffer
	// err is the error that ends the copy, after data.
	err error
	// arrived is copied to trailer when the mirror has read the body.
	arrived, trailer http.Header
}

// NewCopiedBody returns an empty copy, whose unread bytes count in lag.
func NewCopiedBody(trailer http.Header, lag *atomic.Int64) *CopiedBody {
	c := &CopiedBody{lag: lag, trailer: trailer}
	c.more.L = &c.mu
	return c
}

// write appends to the copy. A mirror that is too slow loses the data it has not
// read yet.
func (c *CopiedBody) write(p []byte, err error, trailer http.Header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	if c.lag.Add(int64(len(p))) > mirrorsLag || c.data.Len()+len(p) > MirrorLag {
		c.lag.Add(-int64(len(p)))
		c.drop()
		p, err = nil, ErrSlowCopy
	}
	c.data.Write(p)
	c.err, c.arrived = err, trailer
	c.more.Broadcast()
}

func (c *CopiedBody) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.data.Len() == 0 {
		if len(p) == 0 {
			return 0, nil
		}
		if c.err == nil {
			c.more.Wait()
			continue
		}
		for key, lines := range c.arrived {
			c.trailer[key] = lines
		}
		return 0, c.err
	}
	n, err := c.data.Read(p)
	c.lag.Add(-int64(n))
	return n, err
}

// drop discards the unread data.
func (c *CopiedBody) drop() {
	c.lag.Add(-int64(c.data.Len()))
	c.data = bytes.Buffer{}
}

// Close stops the copying.
func (c *CopiedBody) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = ErrCutBody
	}
	c.drop()
	c.more.Broadcast()
	return nil
}
