from chassis.migrate import run_in_environment

run_in_environment()
