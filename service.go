package gateway

// rootNamespace is Istio's: what is declared there holds for the whole mesh.
const rootNamespace = "istio-system"
