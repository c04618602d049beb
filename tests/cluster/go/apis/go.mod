module streaming.platform/session/tests/cluster/apis

go 1.26.6

require (
	github.com/external-secrets/external-secrets v0.16.2
	github.com/prometheus-operator/prometheus-operator v0.92.1
	istio.io/api v1.30.8
)
