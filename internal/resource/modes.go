package resource

// ProxyProtocolVersions are Istio's names, indexed by spec.ProxyProtocolVersion.
var ProxyProtocolVersions = []string{"V1", "V2"}

// ClientTLSModes are Istio's names, indexed by spec.ClientTLSMode.
var ClientTLSModes = []string{"DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"}
