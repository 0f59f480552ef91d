package shadow

import (
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/region"
	"github.com/lateengo/gateway/spec"
)

// A servedHost is a domain of a VirtualService.
type servedHost struct {
	service *spec.VirtualService
	domain  string
}

// A hostUse is what the routes of a VirtualService get for one of its domains, where other
// VirtualServices have it too.
type hostUse struct {
	servedHost
	// alive means that one of the routes gets requests, or may get some.
	alive bool
	// subjects are those with a route here, and death is the first one.
	subjects []*subject
	death    *death
}

func (a *analysis) hostUse(in *place, c *program.Clause) *hostUse {
	k := servedHost{root(c.Route), in.host.Domain}
	u := a.hosts[k]
	if u == nil {
		u = &hostUse{servedHost: k}
		a.hosts[k] = u
		a.hostOrder = append(a.hostOrder, u)
	}
	u.subjects = append(u.subjects, a.subjectsOf(c)...)
	return u
}

// note notes what was found about a route for the domain.
func (u *hostUse) note(first *death, v region.Verdict) {
	if v != region.None || first.witness == nil {
		u.alive = u.alive || v != region.None
		return
	}
	if u.death == nil {
		u.death = first
	}
}
