# One list in eight parts: nomad job run nomad.hcl
# Not run in a test: Debian has no Nomad. Nomad sets NOMAD_ALLOC_INDEX, from 0 to count - 1, and tells nobody the count.
job "pmtu-probe" {
  type = "batch"

  group "part" {
    count = 8

    constraint {
      distinct_hosts = true
    }

    task "pmtu-probe" {
      driver = "docker"

      config {
        image        = "registry.example/pmtu-probe:0.1.0"
        network_mode = "host"
        cap_drop     = ["all"]
        cap_add      = ["net_raw"]
        command      = "pmtu-probe"
        args = [
          "--targets", "/local/targets", "--shard", "auto",
          "--jsonl", "/alloc/data/part-${NOMAD_ALLOC_INDEX}.jsonl",
        ]
      }

      env {
        # The same as count above.
        PMTU_SHARDS = "8"
      }

      template {
        destination = "local/targets"
        data        = "example.com\nexample.net\n"
      }
    }
  }
}
