package edge

import "strings"

// claims are headers by which a proxy in front says where a request comes from, or what it
// was before, beside those that begin with X-Forwarded- and X-Envoy-.
var claims = func() map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields(`
		Forwarded X-Real-Ip True-Client-Ip X-Client-Ip X-Cluster-Client-Ip X-Originating-Ip X-Remote-Ip X-Remote-Addr
		Client-Ip Cf-Connecting-Ip Cf-Connecting-Ipv6 Cf-Pseudo-Ipv4 Fastly-Client-Ip Fly-Client-Ip X-Azure-Clientip X-Azure-Socketip
		X-Appengine-User-Ip X-Vercel-Forwarded-For X-Nf-Client-Connection-Ip Cloudfront-Viewer-Address
		X-Original-Url X-Rewrite-Url X-Original-Uri X-Original-Host X-Original-Forwarded-For X-Original-Method X-Host X-Http-Host-Override
		X-Forwarded X-Proxyuser-Ip X-Url-Scheme Front-End-Https X-Scheme X-Arr-Ssl X-Ssl-Client-Cert X-Ssl-Client-Verify X-Client-Cert
		Ssl-Client-Cert Ssl-Client-Verify Remote-User X-Remote-User Proxy Proxy-Authorization`) {
		m[name] = true
	}
	return m
}()

// IsClaim reports whether only a proxy in front of the gateway may say what a header says.
func IsClaim(key string) bool {
	return strings.HasPrefix(key, "X-Forwarded-") || strings.HasPrefix(key, "X-Envoy-") || claims[key]
}

// Drops reports whether a header of the client's request is taken off before anything reads
// it. ForwardedFor and others leave out those that the edge itself writes.
func (e *Edge) Drops(key string) bool {
	return e.Strict && e.Trusted == 0 && IsClaim(key) && !IsEdgeHeader(key)
}
