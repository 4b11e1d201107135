c = get_config()  # noqa: F821

c.Spawner.args.append("--ServerApp.shutdown_no_activity_timeout=3600")
c.Spawner.environment.update({"COURSE": "physics"})
c.Spawner.mem_limit = "2G"
