package resource

var ProxyProtocolVersions = []string{"V1", "V2"}

var ClientTLSModes = []string{"DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"}
